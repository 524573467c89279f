//! Finds a figure by its id or a unique ending of it.

use super::did_you_mean;

/// The one of `all` whose id is `given`, or the only one whose id ends with it after a dot.
///
/// # Errors
/// [`UnknownFigure`] with the possible ids.
pub fn find_figure<'a, T>(
    given: &str,
    all: &'a [T],
    id_of: impl Fn(&'a T) -> &'a str,
) -> Result<&'a T, UnknownFigure> {
    if let Some(exact) = all.iter().find(|one| id_of(one) == given) {
        return Ok(exact);
    }
    let ends = |one: &&'a T| id_of(one).strip_suffix(given).is_some_and(|rest| rest.ends_with('.'));
    let matching: Vec<&T> = all.iter().filter(ends).collect();
    if let [one] = matching[..] {
        return Ok(one);
    }
    let is_ambiguous = !matching.is_empty();
    let candidates: Vec<&T> = if is_ambiguous { matching } else { all.iter().collect() };
    Err(UnknownFigure {
        given: given.to_owned(),
        candidates: candidates.into_iter().map(|one| id_of(one).to_owned()).collect(),
        is_ambiguous,
    })
}

/// An id that no figure's id ends with, or several.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", in_words(self))]
pub struct UnknownFigure {
    /// The given id.
    pub given: String,
    /// The ids that are possible.
    pub candidates: Vec<String>,
    /// Whether the ids of several figures end with the given one.
    pub is_ambiguous: bool,
}

fn in_words(unknown: &UnknownFigure) -> String {
    let UnknownFigure { given, candidates, is_ambiguous } = unknown;
    let known = candidates.join(", ");
    if *is_ambiguous {
        return format!("{given:?} is the end of several figures' ids: expected one of {known}");
    }
    if candidates.is_empty() {
        return format!("no figure {given:?}: nothing was scored");
    }
    let ids = || candidates.iter().map(String::as_str);
    let endings = ids().filter_map(|id| Some(id.rsplit_once('.')?.1));
    let meant = did_you_mean(given, ids().chain(endings));
    format!("no figure {given:?}{meant}: expected one of {known}, or a unique ending of one after a dot")
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 3] = ["a.accuracy", "a.readable", "b.accuracy"];

    fn find(given: &str) -> Result<&str, UnknownFigure> {
        find_figure(given, &IDS, |id| *id).copied()
    }

    #[test]
    fn a_figure_is_found_by_its_id_or_a_unique_ending() {
        assert_eq!(find("b.accuracy").unwrap(), "b.accuracy");
        assert_eq!(find("readable").unwrap(), "a.readable");
        let several = find("accuracy").unwrap_err();
        assert_eq!((several.candidates.len(), several.is_ambiguous), (2, true));
        assert!(several.to_string().contains("expected one of a.accuracy, b.accuracy"), "{several}");
    }

    #[test]
    fn an_unknown_id_is_answered_with_the_nearest_one_and_all_others() {
        let message = find("readible").unwrap_err().to_string();
        assert!(
            message.contains("(did you mean \"readable\"?): expected one of a.accuracy, a.readable"),
            "{message}"
        );
        let message = find_figure("x", &[] as &[String], String::as_str).unwrap_err().to_string();
        assert_eq!(message, "no figure \"x\": nothing was scored");
    }
}
