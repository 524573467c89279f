//! Finds the known name that the user may have meant. Does not know what the names stand for.

/// The name in `known` that is nearest to `given`. At most a third of its letters may be wrong, missing, added or
/// swapped with a neighbour; case does not matter. `None` if no name is that near; the first of several.
#[must_use]
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_lowercase();
    let allowed = given.chars().count() / 3;
    let distance = |name: &str| strsim::damerau_levenshtein(&given, &name.to_lowercase());
    let near = known.into_iter().map(|name| (distance(name), name)).filter(|(away, _)| *away <= allowed);
    near.min_by_key(|(away, _)| *away).map(|(_, name)| name)
}

/// ` (did you mean "…"?)` if a name in `known` is near `given`; otherwise empty.
#[must_use]
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(given, known).map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_near_and_other_words_are_not() {
        let known = ["file", "format", "column", "images"];
        for (given, meant) in [
            ("fiel", "file"),
            ("colum", "column"),
            ("Format", "format"),
            ("image", "images"),
            ("fromat", "format"),
        ] {
            assert_eq!(nearest(given, known), Some(meant), "{given}");
        }
        for given in ["", "f", "row", "caption", "fill out"] {
            assert_eq!(nearest(given, known), None, "{given}");
        }
        assert_eq!(did_you_mean("fiel", known), " (did you mean \"file\"?)");
        assert_eq!(did_you_mean("caption", known), "");
    }
}
