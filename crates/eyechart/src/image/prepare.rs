//! Prepares pictures for sending: the original bytes or a changed version, made once for each distinct picture.

use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::Truncated;
use super::check::check;
use super::header::Header;
use super::jpeg;
use super::make::{Made, make};
use super::once::{Key, OncePerKey};
use super::plan::Plan;
use super::read;
use super::store::Store;
use crate::files::sha256_hex;
use crate::text::shown_address;
use crate::types::{
    Failure, FailureKind, ImageDetail, ImageLimits, ImageRecord, ImageSource, ImagesSpec, RequestImage,
    SendAs,
};

/// Prepares the pictures of one run. Can be used by many threads at once.
///
/// A changed version is written to the store and read back when another sample needs it, so that memory holds only a
/// few hundred bytes for each distinct picture.
#[derive(Debug)]
pub struct Preparer {
    spec: ImagesSpec,
    limits: ImageLimits,
    store: Store,
    keep_originals: bool,
    made: OncePerKey<Result<Description, String>>,
}

/// A picture that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The picture in the request.
    pub request: RequestImage,
    /// The picture in the sample's record.
    pub record: ImageRecord,
}

/// Why a picture cannot be prepared.
#[derive(Debug)]
pub enum PrepareError {
    /// The picture or its settings are at fault: [`FailureKind::Image`].
    Picture(Failure),
    /// The store in this folder cannot be read or written.
    Store(PathBuf, io::Error),
}

/// A picture as it was read and checked, and the required changes if there are any.
struct Loaded {
    name: String,
    bytes: Bytes,
    header: Header,
    plan: Option<Plan>,
}

/// What was done to a JPEG without an end-of-image marker.
const COMPLETED: &str = "cut off before its end, completed with an end-of-image marker";

/// A version in the store.
#[derive(Debug, Clone)]
struct Description {
    sha256: String,
    media_type: &'static str,
    width: u32,
    height: u32,
    bytes: u64,
    changed: String,
}

impl Preparer {
    /// Prepares pictures by `spec` within `limits`. Changed versions go to the folder `store`; with `keep_originals`,
    /// all other pictures too.
    #[must_use]
    pub fn new(spec: ImagesSpec, limits: ImageLimits, store: PathBuf, keep_originals: bool) -> Self {
        Self { spec, limits, store: Store::new(store), keep_originals, made: OncePerKey::new() }
    }

    /// How closely the model is asked to look at the pictures.
    #[must_use]
    pub fn detail(&self) -> Option<ImageDetail> {
        self.spec.detail
    }

    /// Checks the number of pictures in a message.
    ///
    /// # Errors
    /// [`PrepareError::Picture`] with the provider's limit.
    pub(crate) fn admit(&self, pictures: usize) -> Result<(), PrepareError> {
        self.try_number(pictures).map_err(PrepareError::Picture)
    }

    /// Reads and checks a picture, and changes it if necessary. An address that is sent as an address is not read.
    /// Blocks on the disk and, for changes, on the processor.
    ///
    /// # Errors
    /// [`PrepareError::Picture`] with the path or origin of the picture and what is wrong with it;
    /// [`PrepareError::Store`].
    pub fn prepare(&self, source: &ImageSource) -> Result<Prepared, PrepareError> {
        if let (ImageSource::Url(url), SendAs::Url) = (source, self.spec.send) {
            return Ok(passed_through(url));
        }
        let picture = self.load(source).map_err(PrepareError::Picture)?;
        match picture.plan {
            Some(plan) => self.changed(&picture, &plan),
            None => self.untouched(source, picture),
        }
    }

    /// Does everything that [`Self::prepare`] does, but stores nothing.
    ///
    /// # Errors
    /// What is wrong with the picture.
    pub fn try_out(&self, source: &ImageSource) -> Result<(), Failure> {
        if let (ImageSource::Url(_), SendAs::Url) = (source, self.spec.send) {
            return Ok(());
        }
        let Loaded { name, bytes, header, plan } = self.load(source)?;
        let Some(plan) = plan else { return Ok(()) };
        let made = make(&bytes, &header, &plan, &self.spec, &self.limits);
        made.map(drop).map_err(|reason| at_fault(&name, reason))
    }

    /// Checks the number of pictures in a message.
    ///
    /// # Errors
    /// The provider's limit.
    pub(crate) fn try_number(&self, pictures: usize) -> Result<(), Failure> {
        let Some(limit) = self.limits.pictures.filter(|limit| pictures > *limit) else { return Ok(()) };
        let reason = format!("{} takes at most {limit}", self.limits.provider);
        Err(at_fault(&format!("{pictures} pictures in one message"), reason))
    }

    /// Identifies a picture: the SHA-256 of its bytes before any change, or of its address if only that is sent.
    ///
    /// # Errors
    /// What is wrong with the picture, as far as its header shows.
    pub(crate) fn identify(&self, source: &ImageSource) -> Result<[u8; 32], Failure> {
        if let (ImageSource::Url(url), SendAs::Url) = (source, self.spec.send) {
            return Ok(Sha256::digest(url).into());
        }
        Ok(Sha256::digest(&self.load(source)?.bytes).into())
    }

    /// Width and height of the picture as sent, in pixels, from its header; absent for an address or for something
    /// that is not a picture.
    #[must_use]
    pub fn measure(&self, source: &ImageSource) -> Option<(u32, u32)> {
        let Loaded { header, plan, .. } = self.load(source).ok()?;
        let size = plan.map_or(header.size, |plan| plan.first.size);
        Some((size.width, size.height))
    }

    /// The name and the bytes of a picture.
    fn read(&self, source: &ImageSource) -> Result<(String, Bytes), Failure> {
        Ok(match (source, self.spec.send) {
            (ImageSource::Url(url), SendAs::Url) => {
                return Err(at_fault(url, "only its address is sent"));
            }
            (ImageSource::Url(url), SendAs::Fetch) => {
                return Err(at_fault(url, "it has not been fetched"));
            }
            (ImageSource::Url(url), SendAs::Bytes) => {
                let reason = "the row has an address: set send = \"fetch\" in [images] to fetch the picture and \
                              send it, or send = \"url\" to send the address";
                return Err(at_fault(url, reason));
            }
            (ImageSource::Fetched { bytes, url }, _) => (shown_address(url), bytes.clone()),
            (ImageSource::File(path), SendAs::Bytes | SendAs::Fetch) => {
                let name = path.to_string_lossy().into_owned();
                let bytes = read::read_file(path).map_err(|reason| at_fault(&name, reason))?;
                (name, bytes)
            }
            (ImageSource::Member { path, origin }, SendAs::Bytes | SendAs::Fetch) => {
                (origin.clone(), read::read_file(path).map_err(|reason| at_fault(origin, reason))?)
            }
            (ImageSource::Bytes { bytes, origin }, SendAs::Bytes | SendAs::Fetch) => {
                (origin.clone(), bytes.clone())
            }
            (ImageSource::File(path), SendAs::Url) => {
                return Err(no_address(&path.to_string_lossy(), "a file"));
            }
            (ImageSource::Member { origin, .. } | ImageSource::Bytes { origin, .. }, SendAs::Url) => {
                return Err(no_address(origin, "the picture itself"));
            }
        })
    }

    /// Reads and checks a picture. A JPEG without its end-of-image marker gets one, if the task allows such pictures: all
    /// decoders then read the part that is there.
    fn load(&self, source: &ImageSource) -> Result<Loaded, Failure> {
        let (name, mut bytes) = self.read(source)?;
        let truncated = if self.spec.allow_truncated { Truncated::Allow } else { Truncated::Refuse };
        let header = check(&bytes, truncated).map_err(|reason| at_fault(&name, reason))?;
        if header.is_truncated {
            bytes = [&bytes[..], &jpeg::END].concat().into();
        }
        let plan = Plan::of(&header, bytes.len() as u64, &self.spec, &self.limits);
        Ok(Loaded { name, bytes, header, plan })
    }

    fn untouched(&self, source: &ImageSource, picture: Loaded) -> Result<Prepared, PrepareError> {
        let Loaded { name, bytes, header, .. } = picture;
        let sha256 = sha256_hex(&bytes);
        // A fetched picture is always stored, because its address may give another picture later.
        let is_stored = self.keep_originals || matches!(source, ImageSource::Fetched { .. });
        if is_stored || header.is_truncated {
            self.store.write(&sha256, &bytes).map_err(|error| self.broken(error))?;
        }
        let media_type = header.format.media_type();
        let record = ImageRecord {
            source: name,
            sha256: Some(sha256),
            media_type: Some(media_type.to_owned()),
            width: Some(header.size.width),
            height: Some(header.size.height),
            bytes: Some(bytes.len() as u64),
            changed: header.is_truncated.then(|| COMPLETED.to_owned()),
            note: note(&header),
        };
        Ok(Prepared { request: RequestImage::Bytes { media_type, bytes }, record })
    }

    fn changed(&self, picture: &Loaded, plan: &Plan) -> Result<Prepared, PrepareError> {
        let Loaded { name, bytes: original, header, .. } = picture;
        let mut fresh = None;
        let key: Key = Sha256::digest(original).into();
        let made =
            self.made.get_or_do(key, || match make(original, header, plan, &self.spec, &self.limits) {
                Ok(made) => {
                    let described = Description::of(&made, header);
                    self.store.write(&described.sha256, &made.bytes)?;
                    fresh = Some(Bytes::from(made.bytes));
                    Ok(Ok(described))
                }
                Err(reason) => Ok(Err(reason)),
            });
        let described = made
            .map_err(|error| self.broken(error))?
            .map_err(|reason| PrepareError::Picture(at_fault(name, reason)))?;
        let bytes = match fresh {
            Some(bytes) => bytes,
            None => self.store.read(&described.sha256).map_err(|error| self.broken(error))?,
        };
        let request = RequestImage::Bytes { media_type: described.media_type, bytes };
        Ok(Prepared { request, record: described.record(name) })
    }

    fn broken(&self, error: io::Error) -> PrepareError {
        PrepareError::Store(self.store.folder().to_owned(), error)
    }
}

impl Description {
    fn of(made: &Made, header: &Header) -> Self {
        let completed = if header.is_truncated { format!("{COMPLETED}, ") } else { String::new() };
        Self {
            sha256: sha256_hex(&made.bytes),
            media_type: made.format.media_type(),
            width: made.size.width,
            height: made.size.height,
            bytes: made.bytes.len() as u64,
            changed: completed + &made.changed,
        }
    }

    fn record(self, source: &str) -> ImageRecord {
        ImageRecord {
            source: source.to_owned(),
            sha256: Some(self.sha256),
            media_type: Some(self.media_type.to_owned()),
            width: Some(self.width),
            height: Some(self.height),
            bytes: Some(self.bytes),
            changed: Some(self.changed),
            note: None,
        }
    }
}

/// A note for the reader about a picture that is sent unchanged.
fn note(header: &Header) -> Option<String> {
    let turned = header
        .is_turned()
        .then(|| format!("carries EXIF orientation {}, which was not applied", header.orientation.to_exif()));
    let animated =
        header.is_animated.then(|| "animated: the endpoint may see only the first frame".to_owned());
    let notes: Vec<String> = turned.into_iter().chain(animated).collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

fn passed_through(url: &str) -> Prepared {
    let record = ImageRecord {
        source: shown_address(url),
        sha256: None,
        media_type: None,
        width: None,
        height: None,
        bytes: None,
        changed: None,
        note: None,
    };
    Prepared { request: RequestImage::Url(url.to_owned()), record }
}

fn no_address(name: &str, what: &str) -> Failure {
    let reason = format!("the task sends addresses (send = \"url\" in [images]), but the row has {what}");
    at_fault(name, reason)
}

fn at_fault(name: &str, reason: impl std::fmt::Display) -> Failure {
    let name = shown_address(name);
    Failure::new(FailureKind::Image, format!("{name}: {reason}"))
}
