//! Tables of prices: the built-in one, and the one of the user, which takes precedence.

use std::path::Path;

use serde::Deserialize;

use super::RunError;
use crate::files::read_regular_text;
use crate::types::Price;

/// The built-in table. Its comments say where the prices come from.
const BUILT_IN: &str = include_str!("../../prices.toml");

/// A higher price is a mistake: this is one dollar per token.
const MOST: f64 = 1e6;

/// Prices of models. The first entry for a model counts.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    own: Vec<Entry>,
    built_in: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    price: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// `PROVIDER/NAME` as in `--model`; a `*` at the end matches any text.
    models: Vec<String>,
    input: f64,
    output: f64,
    date: String,
    source: Option<String>,
}

impl Prices {
    /// The built-in prices and those in the file `own`, which take precedence.
    ///
    /// # Errors
    /// [`RunError::Config`] if the file cannot be read or is not a table of prices.
    pub fn load(own: Option<&Path>) -> Result<Self, RunError> {
        let built_in = parse(BUILT_IN).map_err(RunError::Defect)?;
        let Some(path) = own else { return Ok(Self { own: Vec::new(), built_in }) };
        let wrong = |reason: String| RunError::Config(format!("the prices in {}: {reason}", path.display()));
        let text = read_regular_text(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let mut own = parse(&text).map_err(wrong)?;
        for entry in &mut own {
            entry.source.get_or_insert_with(|| path.display().to_string());
        }
        Ok(Self { own, built_in })
    }

    /// The price of `model` (`PROVIDER/NAME`) in the table of the user.
    #[must_use]
    pub fn own(&self, model: &str) -> Option<Price> {
        find(&self.own, model)
    }

    /// The price of `model` in either table. The built-in prices are those of the providers, so they hold only at the
    /// `own_address` of the provider.
    #[must_use]
    pub fn find(&self, model: &str, own_address: bool) -> Option<Price> {
        self.own(model).or_else(|| find(&self.built_in, model).filter(|_| own_address))
    }
}

fn find(entries: &[Entry], model: &str) -> Option<Price> {
    let is_of = |entry: &&Entry| entry.models.iter().any(|name| matches(name, model));
    entries.iter().find(is_of).map(|entry| Price {
        input: entry.input,
        output: entry.output,
        date: entry.date.clone(),
        source: entry.source.clone().unwrap_or_default(),
    })
}

fn matches(name: &str, model: &str) -> bool {
    match name.strip_suffix('*') {
        Some(start) => model.starts_with(start),
        None => name == model,
    }
}

fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    file.price.iter().try_for_each(check)?;
    Ok(file.price)
}

fn check(entry: &Entry) -> Result<(), String> {
    let of = entry.models.join(", ");
    if entry.models.iter().all(|name| name.is_empty()) {
        return Err("an entry has no models: expected names such as \"custom/my-model\"".to_owned());
    }
    for (key, price) in [("input", entry.input), ("output", entry.output)] {
        if !(0.0..=MOST).contains(&price) {
            return Err(format!("{key} = {price} for {of}: expected US dollars for a million tokens"));
        }
    }
    if entry.date.parse::<jiff::civil::Date>().is_err() {
        return Err(format!("date = {:?} for {of}: expected a day such as \"2026-11-24\"", entry.date));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_price_names_its_source_and_is_of_a_preset() {
        let prices = Prices::load(None).unwrap();
        assert!(prices.built_in.len() > 10);
        for entry in &prices.built_in {
            assert!(entry.source.as_ref().is_some_and(|source| source.starts_with("https://")), "{entry:?}");
            for model in &entry.models {
                let name: crate::provider::ModelName = model.parse().unwrap();
                assert!(name.base_url(None).is_ok() && name.key_required(false), "{model}");
            }
        }
    }

    #[test]
    fn a_built_in_price_holds_at_the_providers_own_address_alone() {
        let prices = Prices::load(None).unwrap();
        let price = prices.find("openai/gpt-4o-mini", true).unwrap();
        assert_eq!((price.input, price.output), (0.15, 0.6));
        assert_eq!(prices.find("openai/gpt-4o-mini", false), None);
        assert_eq!(prices.find("openai/gpt-4o-mini-of-tomorrow", true), None);
    }

    #[test]
    fn a_table_of_ones_own_goes_before_and_its_first_entry_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prices.toml");
        let entry = |models: &str, input: f64| {
            format!("[[price]]\nmodels = [{models}]\ninput = {input}\noutput = 1\ndate = \"2026-01-31\"\n")
        };
        let text = entry("\"openai/gpt-4o\"", 7.0) + &entry("\"a/b\", \"c/*\"", 3.0) + &entry("\"c/d\"", 5.0);
        std::fs::write(&path, text).unwrap();
        let prices = Prices::load(Some(&path)).unwrap();
        let input = |model| prices.find(model, true).map(|price| price.input);
        assert_eq!(input("openai/gpt-4o"), Some(7.0));
        assert_eq!((input("c/d"), input("a/b"), input("a/bc")), (Some(3.0), Some(3.0), None));
        assert_eq!(prices.find("a/b", false).unwrap().source, path.display().to_string());
        for (wrong, what) in [
            ("[[price]]\nmodels = []\ninput = 1\noutput = 1\ndate = \"2026-01-31\"", "no models"),
            ("[[price]]\nmodels = [\"a\"]\ninput = -1\noutput = 1\ndate = \"2026-01-31\"", "input = -1"),
            ("[[price]]\nmodels = [\"a\"]\ninput = 1\noutput = nan\ndate = \"2026-01-31\"", "output = NaN"),
            ("[[price]]\nmodels = [\"a\"]\ninput = 1\noutput = 1\ndate = \"soon\"", "soon"),
            ("[[price]]\nmodels = [\"a\"]\ninput = 1\ndate = \"2026-01-31\"", "output"),
            (
                "[[price]]\nmodels = [\"a\"]\ninput = 1\noutput = 1e7\ndate = \"2026-01-31\"",
                "output = 10000000",
            ),
            ("[[prices]]", "prices"),
        ] {
            std::fs::write(&path, wrong).unwrap();
            let error = Prices::load(Some(&path)).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains("prices.toml"), "{error}");
        }
    }
}
