//! Templates over a row's columns: the prompt and the system message.

use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Map, Value};

use crate::types::did_you_mean;

/// A checked template.
#[derive(Debug)]
pub(crate) struct Prompt {
    /// The name of the resulting text, for errors.
    name: &'static str,
    environment: Environment<'static>,
    columns: Vec<String>,
}

impl Prompt {
    /// Checks the template of a prompt.
    ///
    /// # Errors
    /// A text that says where the template is wrong.
    pub(crate) fn new(template: &str) -> Result<Self, String> {
        Self::named("prompt", template).map_err(|error| format!("`prompt.text` is not a template: {error}"))
    }

    /// Checks the template of a system message.
    ///
    /// # Errors
    /// A text that says where the template is wrong.
    pub(crate) fn of_system(template: &str) -> Result<Self, String> {
        let named = Self::named("system message", template);
        named.map_err(|error| format!("`prompt.system` is not a template: {error}"))
    }

    fn named(name: &'static str, template: &str) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_template_owned(name, template.to_owned()).map_err(|error| format!("{error:#}"))?;
        let used = environment.get_template(name).map(|template| template.undeclared_variables(false));
        let mut columns: Vec<_> = used.unwrap_or_default().into_iter().collect();
        columns.sort_unstable();
        Ok(Self { name, environment, columns })
    }

    /// The columns that the template reads.
    #[must_use]
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The text for a row.
    ///
    /// # Errors
    /// A text that names the missing column and the existing ones.
    pub(crate) fn render(&self, cells: &Map<String, Value>) -> Result<String, String> {
        if let Some(missing) = self.columns.iter().find(|column| !cells.contains_key(*column)) {
            let hint = did_you_mean(missing, cells.keys().map(String::as_str));
            let available = cells.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            let name = self.name;
            return Err(format!("the {name} needs the column {missing:?}{hint}; the row has {available}"));
        }
        let template = self.environment.get_template(self.name).map_err(|error| error.to_string())?;
        template
            .render(minijinja::value::Serde(cells))
            .map_err(|error| format!("the {} cannot be rendered: {error:#}", self.name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cells(value: Value) -> Map<String, Value> {
        let Value::Object(cells) = value else { panic!("an object") };
        cells
    }

    #[test]
    fn the_sources_arxivqa_prompt_comes_out_to_the_letter() {
        let template =
            "Answer Query Based on Image\n\nQuestion: {{ question }}\nOptions: {{ options | join(\", \") }}";
        let row = cells(json!({"question": "Which <b> & \"c\"?", "options": ["A) Red", "B) Blue"]}));
        assert_eq!(
            Prompt::new(template).unwrap().render(&row).unwrap(),
            "Answer Query Based on Image\n\nQuestion: Which <b> & \"c\"?\nOptions: A) Red, B) Blue"
        );
    }

    #[test]
    fn a_column_that_the_row_lacks_is_named() {
        let prompt = Prompt::new("{{ question }}").unwrap();
        let error = prompt.render(&cells(json!({"query": "?"}))).unwrap_err();
        assert!(error.contains("\"question\"") && error.contains("query"), "{error}");
    }

    #[test]
    fn a_broken_template_is_an_error_and_no_panic() {
        assert!(Prompt::new("{{ question").unwrap_err().contains("prompt.text"));
    }
}
