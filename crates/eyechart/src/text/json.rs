//! Mistakes in one line of JSON.

/// The words of the parser with the column, and without the number of the line, which is 1 for every line of a file.
#[must_use]
pub fn json_mistake(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => format!("{} (column {})", &text[..end], error.column()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::json_mistake;

    #[test]
    fn a_mistake_has_its_column_and_no_line() {
        let error = serde_json::from_str::<serde_json::Value>("{\"a\" 1}").unwrap_err();
        assert_eq!(json_mistake(&error), "expected `:` (column 6)");
        let error = serde_json::from_value::<bool>(1.into()).unwrap_err();
        assert_eq!(json_mistake(&error), "invalid type: integer `1`, expected a boolean");
    }
}
