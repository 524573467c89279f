//! Templates over a row's columns: the prompt and the system message.
//!
//! A template cannot use more time or memory than [`FUEL`] allows, and cannot overflow the stack.

mod source;

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::{Serde, Value as Rendered};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, escape_formatter};
use serde_json::{Map, Value};

use crate::types::{did_you_mean, parse_list};
use source::{LIST_CHECK, ROW, Source};

/// The work that one rendering may do: one unit for each instruction and for each 64 bytes, so at most 128 MiB.
const FUEL: u64 = 2 << 20;

/// Maximum depth of recursive loops. The default of minijinja, 500, can overflow the stack of a thread.
const MAX_RECURSION: usize = 50;

/// The variable with the options of a multiple-choice question.
const CHOICES: &str = "choices";

/// A checked template.
#[derive(Debug)]
pub(crate) struct Prompt {
    /// The name of the resulting text, for errors.
    name: &'static str,
    environment: Environment<'static>,
    columns: Vec<String>,
    /// The columns that the template names by `row["name"]`.
    row_columns: BTreeSet<String>,
    /// Whether the template reads the options by the name [`CHOICES`].
    reads_choices: bool,
}

/// What a template is rendered with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PromptValues<'a> {
    /// The cells of the row.
    pub(crate) cells: &'a Map<String, Value>,
    /// The options of the question; absent if the task has no columns with options.
    pub(crate) choices: Option<&'a [String]>,
}

impl Prompt {
    /// Checks the template of a prompt. `has_choices`: the task has columns with options.
    ///
    /// # Errors
    /// A text that says where the template is wrong.
    pub(crate) fn new(template: &str, has_choices: bool) -> Result<Self, String> {
        let named = Self::named("prompt", template, has_choices);
        named.map_err(|error| format!("`prompt.text` is not a template: {error}"))
    }

    /// Checks the template of a system message. `has_choices`: the task has columns with options.
    ///
    /// # Errors
    /// A text that says where the template is wrong.
    pub(crate) fn of_system(template: &str, has_choices: bool) -> Result<Self, String> {
        let named = Self::named("system message", template, has_choices);
        named.map_err(|error| format!("`prompt.system` is not a template: {error}"))
    }

    fn named(name: &'static str, template: &str, has_choices: bool) -> Result<Self, String> {
        let source = Source::read(template)?;
        let mut environment = environment(source.literals);
        environment.add_template_owned(name, source.text).map_err(|error| format!("{error:#}"))?;
        let used = environment.get_template(name).map(|template| template.undeclared_variables(false));
        let mut columns: BTreeSet<_> = used.unwrap_or_default().into_iter().collect();
        // A loop may have a variable of its own with this name.
        let row_columns = if columns.contains(ROW) { source.row_columns } else { BTreeSet::new() };
        if !source.has_bare_row {
            columns.remove(ROW);
        }
        let reads_choices = has_choices && columns.remove(CHOICES);
        columns.extend(row_columns.iter().cloned());
        let columns = columns.into_iter().collect();
        Ok(Self { name, environment, columns, row_columns, reads_choices })
    }

    /// The columns that the template reads.
    #[must_use]
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether the template reads the options of the question.
    #[must_use]
    pub(crate) fn reads_choices(&self) -> bool {
        self.reads_choices
    }

    /// The text for a row.
    ///
    /// # Errors
    /// A text that names the missing column and the existing ones, or what else the template cannot do.
    pub(crate) fn render(&self, values: PromptValues<'_>) -> Result<String, String> {
        let template = self.environment.get_template(self.name).map_err(|error| error.to_string())?;
        template.render(self.variables(values)).map_err(|error| self.explain(&error, values.cells))
    }

    fn variables(&self, values: PromptValues<'_>) -> BTreeMap<String, Rendered> {
        let cell = |column: &String| {
            let cell = values.cells.get(column)?;
            Some((column.clone(), Rendered::from(Serde(cell))))
        };
        let mut variables: BTreeMap<String, Rendered> = self.columns.iter().filter_map(cell).collect();
        if !self.row_columns.is_empty() {
            let row: BTreeMap<String, Rendered> = self.row_columns.iter().filter_map(cell).collect();
            variables.insert(ROW.to_owned(), Rendered::from(row));
        }
        if self.reads_choices {
            let choices = values.choices.unwrap_or_default().to_vec();
            variables.insert(CHOICES.to_owned(), Rendered::from(choices));
        }
        variables
    }

    fn explain(&self, error: &Error, cells: &Map<String, Value>) -> String {
        let name = self.name;
        let source = std::error::Error::source(error);
        if let Some(TextAsList(text)) = source.and_then(|source| source.downcast_ref()) {
            return self.explain_text_as_list(text, cells);
        }
        match error.kind() {
            ErrorKind::OutOfFuel => {
                format!(
                    "the {name} takes too long or becomes too large: a loop or a repetition in the template grows"
                )
            }
            ErrorKind::UndefinedError => {
                let is_missing = |column: &&String| cells.get(*column).is_none_or(Value::is_null);
                let Some(missing) = self.columns.iter().find(is_missing) else {
                    return format!("the {name} cannot be rendered: {error:#}");
                };
                let hint = did_you_mean(missing, cells.keys().map(String::as_str));
                let available = cells.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                format!(
                    "the {name} needs the column {missing:?}{hint}; the row has {available}; a column that some rows lack \
                     is tested first: {{% if {0} %}}…{{% endif %}} or {{{{ {0} | default(\"\") }}}}",
                    self.variable(missing)
                )
            }
            _ => format!("the {name} cannot be rendered: {error:#}"),
        }
    }

    fn explain_text_as_list(&self, text: &str, cells: &Map<String, Value>) -> String {
        let name = self.name;
        let has_text = |column: &&String| cells.get(*column).and_then(Value::as_str) == Some(text);
        let column = self.columns.iter().find(has_text);
        let what = column.map_or("a text".to_owned(), |column| format!("the text in the column {column:?}"));
        let column = column.map_or("COLUMN", String::as_str);
        let hint = match parse_list(text) {
            Some(_) => {
                format!("it is written as a list: name the column in [dataset], literal = [{column:?}]")
            }
            None => format!(
                "if its rows are lists in the notation of JSON or Python, name it in [dataset], literal = [{column:?}]; \
                 else take it apart, such as by {{{{ {column} | split(\", \") }}}}"
            ),
        };
        format!("the {name} uses {what} as a list, which would take it apart letter by letter; {hint}")
    }

    /// How the template names the column.
    fn variable(&self, column: &str) -> String {
        if self.row_columns.contains(column) { format!("{ROW}[{column:?}]") } else { column.to_owned() }
    }
}

/// An environment in which a missing column can be tested and not printed, and a text cannot be used as a list.
/// `literals` are the texts that the template spells out: they may be taken apart.
fn environment(literals: BTreeSet<String>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_RECURSION);
    environment.set_formatter(|out, state, value| match value.is_none() {
        true => Err(Error::new(ErrorKind::UndefinedError, "the value is null")),
        false => escape_formatter(out, state, value),
    });
    environment.add_filter(LIST_CHECK, move |value: Rendered| match value.as_str() {
        Some(text) if !literals.contains(text) => {
            let source = TextAsList(text.to_owned());
            Err(Error::new(ErrorKind::InvalidOperation, "a text is not a list").with_source(source))
        }
        _ => Ok(value),
    });
    environment
}

/// The template uses this text as a list.
#[derive(Debug, thiserror::Error)]
#[error("a text is used as a list")]
struct TextAsList(String);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(template: &str, cells: Value) -> Result<String, String> {
        let Value::Object(cells) = cells else { panic!("an object") };
        let choices = ["Red".to_owned(), "Blue".to_owned()];
        Prompt::new(template, true)?.render(PromptValues { cells: &cells, choices: Some(&choices) })
    }

    #[test]
    fn the_sources_arxivqa_prompt_comes_out_to_the_letter() {
        let template =
            "Answer Query Based on Image\n\nQuestion: {{ question }}\nOptions: {{ options | join(\", \") }}";
        let row = json!({"question": "Which <b> & \"c\"?", "options": ["A) Red", "B) Blue"]});
        assert_eq!(
            render(template, row).unwrap(),
            "Answer Query Based on Image\n\nQuestion: Which <b> & \"c\"?\nOptions: A) Red, B) Blue"
        );
    }

    #[test]
    fn a_column_that_the_row_lacks_is_named() {
        let error = render("{{ question }}", json!({"query": "?"})).unwrap_err();
        assert!(error.contains("\"question\"") && error.contains("query"), "{error}");
        let error = render("{{ hint }}", json!({"hint": null})).unwrap_err();
        assert!(error.contains("\"hint\"") && error.contains("{% if hint %}"), "{error}");
    }

    #[test]
    fn a_column_that_the_row_lacks_can_be_tested() {
        let template = "{{ q }}{% if hint %} Hint: {{ hint }}{% endif %}{{ more | default(\"!\") }}";
        for (row, expected) in [
            (json!({"q": "Q"}), "Q!"),
            (json!({"q": "Q", "hint": null, "more": "?"}), "Q?"),
            (json!({"q": "Q", "hint": ""}), "Q!"),
            (json!({"q": "Q", "hint": "h"}), "Q Hint: h!"),
        ] {
            assert_eq!(render(template, row).unwrap(), expected);
        }
    }

    #[test]
    fn a_column_of_any_name_is_named_through_row() {
        let row = json!({"Question Text": "Q", "问题": "问", "a.b": "c", "row": "r"});
        let template = "{{ row[\"Question Text\"] }} {{ row['问题'] }} {{ row[\"a.b\"] | upper }}";
        assert_eq!(render(template, row.clone()).unwrap(), "Q 问 C");
        assert_eq!(render("{{ row }}", row).unwrap(), "r");
        let prompt = Prompt::new(template, false).unwrap();
        assert_eq!(prompt.columns(), ["Question Text", "a.b", "问题"]);
        let error = render("{{ row[\"Question\"] }}", json!({"Question Text": "Q"})).unwrap_err();
        assert!(error.contains("\"Question\"") && error.contains("row[\"Question\"] | default"), "{error}");
        let table = json!({"table": [{"x": 1}, {"x": 2}]});
        let looped = "{% for row in table %}{{ row.x }}{{ row[\"x\"] }}{% endfor %}";
        assert_eq!(render(looped, table).unwrap(), "1122");
        assert_eq!(Prompt::new(looped, false).unwrap().columns(), ["table"]);
        assert_eq!(render("{% if row.x %}{{ row.x }}{% endif %}", json!({"y": 1})).unwrap(), "");
    }

    #[test]
    fn choices_are_the_options_of_the_question() {
        assert_eq!(render("{{ choices | join(\", \") }}", json!({})).unwrap(), "Red, Blue");
        assert_eq!(Prompt::new("{{ choices }}", false).unwrap().columns(), ["choices"]);
    }

    #[test]
    fn a_text_is_not_used_as_a_list() {
        let row = json!({"o": "[\"cat\", \"dog\"]", "t": "a, b", "l": ["x", "y"]});
        for template in [
            "{{ o | join(\", \") }}",
            "{% for x in o %}{{ x }}{% endfor %}",
            "{%- for x in o | reverse if x != \"b\" -%}{{ x }}{% endfor %}",
            "{% for i, x in (o | list) | batch(2) %}{% endfor %}",
            "{% set p = o %}{% for x in p recursive %}{{ x }}{% endfor %}",
            "{{ row[\"o\"] | map(\"upper\") | list }}",
        ] {
            let error = render(template, row.clone()).unwrap_err();
            assert!(error.contains("as a list, which would take it apart"), "{template}: {error}");
        }
        let error = render("{{ o | join }}", row.clone()).unwrap_err();
        assert!(error.contains("literal = [\"o\"]"), "{error}");
        let error = render("{{ t | join }}", row.clone()).unwrap_err();
        assert!(error.contains("literal = [\"t\"]") && error.contains("t | split"), "{error}");
        for (template, expected) in [
            ("{% for x in l %}{{ loop.index }}{{ x }}{% endfor %}", "1x2y"),
            ("{% for x in l if x != \"x\" %}{{ x }}{% else %}-{% endfor %}", "y"),
            ("{% for letter in \"AB\" %}{{ letter }}.{% endfor %}", "A.B."),
            ("{% for word in t | split(\", \") %}{{ word }}|{% endfor %}", "a|b|"),
            ("{{ t | length }} {{ o }}", "4 [\"cat\", \"dog\"]"),
            (
                "{{ l | join(\"|\") | upper }}{# for x in o #}{% raw %}{% for x in o %}{% endraw %}",
                "X|Y{% for x in o %}",
            ),
        ] {
            assert_eq!(render(template, row.clone()).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn a_broken_template_is_an_error_and_no_panic() {
        for template in
            ["{{ question", "{% for %}", "{% for x in %}", "{% for x in a", "{{ | join }}", "{{ row[ }}"]
        {
            assert!(render(template, json!({"question": "q"})).is_err(), "{template}");
        }
        assert!(Prompt::new("{{ question", false).unwrap_err().contains("prompt.text"));
    }

    #[test]
    fn a_template_cannot_hang_or_abort_the_process() {
        let many = |text: &str| text.repeat(200_000);
        for template in [
            format!("{{{{ {}1 }}}}", many("not ")),
            format!("{{{{ q{} }}}}", many("|upper")),
            format!("{{{{ 1{} }}}}", many("+1")),
            format!("{{{{ {}1{} }}}}", many("("), many(")")),
            format!("{{{{ {}1{} }}}}", "[".repeat(240), "]".repeat(240)),
            many("{% if 1 %}"),
            format!("{{% set x = q %}}{}{{{{ x }}}}", "{% set x = x ~ x %}".repeat(40)),
            format!(
                "{{% set x %}}{{{{ q }}}}{{% endset %}}{}",
                "{% set x %}{{ x }}{{ x }}{% endset %}".repeat(40)
            ),
            "{{ '%3000000000d'|format(1) }}".to_owned(),
            "{{ 'x' * 3000000000 }}".to_owned(),
            "{{ q | replace('a', 'a' * 1000000) | replace('a', 'a' * 1000000) }}".to_owned(),
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}".to_owned(),
            "{{ q | indent(2000000000) | center(2000000000) }}".to_owned(),
        ] {
            let error = render(&template, json!({"q": "a\nb"}));
            assert!(error.is_err(), "{}", template.get(..80).unwrap_or(&template));
        }
    }

    #[test]
    fn the_deepest_templates_that_are_allowed_need_little_stack() {
        let on_small_stack = |template: String, cells: Value| {
            let render = move || render(&template, cells);
            std::thread::Builder::new().stack_size(1 << 20).spawn(render).unwrap().join().unwrap()
        };
        for (open, close) in
            [("", "+1"), ("not ", ""), ("", "|upper"), ("-", ""), ("", "[0]"), ("", " if 1 else 2")]
        {
            let deep = format!("{{{{ {}q{} }}}}", open.repeat(160), close.repeat(160));
            let _ = on_small_stack(deep, json!({"q": 1}));
        }
        let endless = "{% for x in l recursive %}{{ loop(l) }}{% endfor %}".to_owned();
        assert!(on_small_stack(endless, json!({"l": [1]})).is_err());
        let blocks = format!("{}x{}", "{% if 1 %}".repeat(140), "{% endif %}".repeat(140));
        assert_eq!(on_small_stack(blocks, json!({})).as_deref(), Ok("x"));
    }
}
