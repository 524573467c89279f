//! Templates over a row's columns: the prompt and the system message.
//!
//! A template cannot use more time or memory than [`FUEL`] allows, and cannot overflow the stack.

mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Serde, Value as Rendered, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, escape_formatter};
use serde_json::{Map, Value};

use crate::types::{did_you_mean, parse_list};
use source::{LIST_CHECK, NOTATION_CHECK, ROW, Source};

/// The work that one rendering may do: one unit for each instruction and for each 64 bytes, so at most 128 MiB.
const FUEL: u64 = 2 << 20;

/// Maximum depth of recursive loops. The default of minijinja, 500, can overflow the stack of a thread.
const MAX_RECURSION: usize = 50;

/// The variable with the options of a multiple-choice question.
const CHOICES: &str = "choices";

/// The variable with the texts that are used as lists nowhere; see [`PromptValues::unlisted`].
const UNLISTED: &str = "eyechart_unlisted";

/// Why a row is not printed.
const WHOLE_ROW: &str =
    "`row` as a whole would send the answer: name the columns, such as {{ row[\"question\"] }}";

/// All columns of a row by their names.
#[derive(Debug)]
struct WholeRow(BTreeMap<String, Rendered>);

impl Object for WholeRow {
    fn get_value(self: &Arc<Self>, key: &Rendered) -> Option<Rendered> {
        self.0.get(key.as_str()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.0.keys().cloned().map(Rendered::from).collect())
    }
}

/// A checked template.
#[derive(Debug)]
pub(crate) struct Prompt {
    /// The name of the resulting text, for errors.
    name: &'static str,
    environment: Environment<'static>,
    columns: Vec<String>,
    /// The columns that the template names by `row["name"]`, `row.get("name")` or `"name" in row`.
    row_columns: BTreeSet<String>,
    /// Those among them that the data may lack.
    tested_columns: BTreeSet<String>,
    /// Whether the template uses `row` as a value.
    reads_row: bool,
    /// Whether the template makes a text of the whole `row`.
    prints_row: bool,
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
    /// The texts in columns whose texts are read as lists: they are not written as lists.
    pub(crate) unlisted: &'a [String],
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
        let mut columns = variables_of(&source.with_bases)?;
        // A loop may have a variable of its own with this name.
        let has_row = columns.remove(ROW);
        let [mut row_columns, mut tested_columns] = match has_row {
            true => [source.row_columns, source.tested_columns],
            false => [BTreeSet::new(), BTreeSet::new()],
        };
        let reads_choices = has_choices && columns.remove(CHOICES);
        columns.extend(row_columns.iter().cloned());
        tested_columns.retain(|column| !columns.contains(column));
        row_columns.extend(tested_columns.iter().cloned());
        let (columns, reads_row) = (columns.into_iter().collect(), has_row && source.has_bare_row);
        let prints_row = has_row && source.prints_row;
        Ok(Self {
            name,
            environment,
            columns,
            row_columns,
            tested_columns,
            reads_row,
            prints_row,
            reads_choices,
        })
    }

    /// The columns that the template reads and that the data must have.
    #[must_use]
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether the template can read columns that are not among [`Self::columns`].
    pub(crate) fn reads_more(&self) -> bool {
        self.reads_row || !self.tested_columns.is_empty()
    }

    /// The columns of data with the columns `all` that the template reads in addition to [`Self::columns`].
    pub(crate) fn more_columns<'a>(&self, all: &'a [String]) -> impl Iterator<Item = &'a String> {
        let is_column = self.reads_row && all.iter().any(|column| column == ROW);
        all.iter().filter(move |column| match self.reads_row {
            _ if is_column => *column == ROW,
            true => true,
            false => self.tested_columns.contains(*column),
        })
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
        self.check_row(values.cells)?;
        let template = self.environment.get_template(self.name).map_err(|error| error.to_string())?;
        template.render(self.variables(values)).map_err(|error| self.explain(&error, values))
    }

    /// Refuses uses of `row` that mean something else than they seem to.
    fn check_row(&self, cells: &Map<String, Value>) -> Result<(), String> {
        let name = self.name;
        match (cells.contains_key(ROW), self.row_columns.first()) {
            (true, Some(column)) if self.reads_row => Err(format!(
                "the {name} reads the column {column:?} through `{ROW}`, but the data has a column {ROW:?}, and `{ROW}` is \
                 its value elsewhere in the template: write {ROW}[{ROW:?}] for that column"
            )),
            (false, _) if self.prints_row => Err(format!("the {name} cannot be rendered: {WHOLE_ROW}")),
            _ => Ok(()),
        }
    }

    fn variables(&self, values: PromptValues<'_>) -> BTreeMap<String, Rendered> {
        let cell = |column: &String| {
            let cell = values.cells.get(column).filter(|cell| !cell.is_null())?;
            Some((column.clone(), Rendered::from(Serde(cell))))
        };
        let mut variables: BTreeMap<String, Rendered> = self.columns.iter().filter_map(cell).collect();
        if self.reads_row && values.cells.contains_key(ROW) {
            variables.extend(cell(&ROW.to_owned()));
        } else if self.reads_row {
            let row = WholeRow(values.cells.keys().filter_map(cell).collect());
            variables.insert(ROW.to_owned(), Rendered::from_object(row));
        } else if !self.row_columns.is_empty() {
            let row: BTreeMap<String, Rendered> = self.row_columns.iter().filter_map(cell).collect();
            variables.insert(ROW.to_owned(), Rendered::from(row));
        }
        if !values.unlisted.is_empty() {
            variables.insert(UNLISTED.to_owned(), Rendered::from(values.unlisted.to_vec()));
        }
        if self.reads_choices {
            let choices = values.choices.unwrap_or_default().to_vec();
            variables.insert(CHOICES.to_owned(), Rendered::from(choices));
        }
        variables
    }

    fn explain(&self, error: &Error, values: PromptValues<'_>) -> String {
        let (name, cells) = (self.name, values.cells);
        let source = std::error::Error::source(error);
        if let Some(TextAsList(text)) = source.and_then(|source| source.downcast_ref()) {
            return self.explain_text_as_list(text, values);
        }
        match error.kind() {
            ErrorKind::OutOfFuel => {
                format!(
                    "the {name} takes too long or becomes too large: a loop or a repetition in the template grows"
                )
            }
            ErrorKind::UndefinedError => {
                let is_missing = |column: &&String| cells.get(*column).is_none_or(Value::is_null);
                let Some(missing) = self.columns.iter().chain(&self.tested_columns).find(is_missing) else {
                    return format!("the {name} cannot be rendered: {error:#}");
                };
                let hint = match cells.contains_key(missing) {
                    true => ", which is null in this row".to_owned(),
                    false => did_you_mean(missing, cells.keys().map(String::as_str)),
                };
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

    fn explain_text_as_list(&self, text: &str, values: PromptValues<'_>) -> String {
        let (name, cells) = (self.name, values.cells);
        let has_text = |column: &&String| cells.get(*column).and_then(Value::as_str) == Some(text);
        let column = self.columns.iter().chain(cells.keys()).find(has_text);
        let what = column.map_or("a text".to_owned(), |column| format!("the text in the column {column:?}"));
        let column = column.map_or("COLUMN", String::as_str);
        let hint = match parse_list(text) {
            Some(_) => {
                format!("it is written as a list: name the column in [dataset], literal = [{column:?}]")
            }
            None if values.unlisted.iter().any(|unlisted| unlisted == text) => {
                "`literal` in [dataset] names the column, but this row has a text that is not written as a list".to_owned()
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

/// The variables that a template uses and does not set.
fn variables_of(template: &str) -> Result<BTreeSet<String>, String> {
    let environment = Environment::empty();
    let template = environment.template_from_str(template).map_err(|error| format!("{error:#}"))?;
    Ok(template.undeclared_variables(false).into_iter().collect())
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
        false if value.downcast_object_ref::<WholeRow>().is_some() => {
            Err(Error::new(ErrorKind::InvalidOperation, WHOLE_ROW))
        }
        false => escape_formatter(out, state, value),
    });
    environment
        .set_unknown_method_callback(|_, value, method, arguments| map_method(value, method, arguments));
    let literals = Arc::new(literals);
    let spelled_out = Arc::clone(&literals);
    environment.add_filter(LIST_CHECK, move |value: Rendered| match value.as_str() {
        Some(text) if !spelled_out.contains(text) => Err(text_as_list(text)),
        _ => Ok(value),
    });
    environment.add_filter(NOTATION_CHECK, move |state: &State<'_, '_>, value: Rendered| {
        match value.as_str() {
            Some(text)
                if !literals.contains(text) && (parse_list(text).is_some() || is_unlisted(state, text)) =>
            {
                Err(text_as_list(text))
            }
            _ => Ok(value),
        }
    });
    environment
}

/// Whether the text is in a column whose texts are read as lists, and is not written as a list.
fn is_unlisted(state: &State<'_, '_>, text: &str) -> bool {
    let unlisted = state.lookup(UNLISTED).and_then(|texts| texts.try_iter().ok());
    unlisted.is_some_and(|mut texts| texts.any(|unlisted| unlisted.as_str() == Some(text)))
}

/// The methods of a dictionary in Python that templates for other tools use, such as `row.get("hint", "")`.
fn map_method(value: &Rendered, method: &str, arguments: &[Rendered]) -> Result<Rendered, Error> {
    let keys = || Ok(value.try_iter()?.collect::<Vec<_>>());
    match (value.kind(), method, arguments) {
        (ValueKind::Map, "get", [key] | [key, _]) => {
            let found = value.get_item(key)?;
            let other = || arguments.get(1).cloned().unwrap_or_default();
            Ok(if found.is_undefined() { other() } else { found })
        }
        (ValueKind::Map, "keys", []) => keys().map(Rendered::from),
        (ValueKind::Map, "values", []) => {
            keys()?.iter().map(|key| value.get_item(key)).collect::<Result<Vec<_>, _>>().map(Rendered::from)
        }
        (ValueKind::Map, "items", []) => {
            let pair = |key: Rendered| Ok(Rendered::from(vec![key.clone(), value.get_item(&key)?]));
            keys()?.into_iter().map(pair).collect::<Result<Vec<_>, Error>>().map(Rendered::from)
        }
        _ => Err(Error::new(ErrorKind::UnknownMethod, format!("there is no method {method:?}"))),
    }
}

fn text_as_list(text: &str) -> Error {
    let source = TextAsList(text.to_owned());
    Error::new(ErrorKind::InvalidOperation, "a text is not a list").with_source(source)
}

/// The template uses this text as a list.
#[derive(Debug, thiserror::Error)]
#[error("a text is used as a list")]
struct TextAsList(String);

#[cfg(test)]
mod tests;
