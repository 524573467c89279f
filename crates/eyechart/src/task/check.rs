//! Checks of a task file beyond the types of its keys.
//!
//! Opens no data: a mistake found here does not depend on the rows.

mod messages;

use super::mistake::Mistake;
use super::scoring;
use crate::dataset::{self, DatasetError, Files, TextOptions};
use crate::types::{LabelForm, Task};

/// A value that makes no sense, with its path, such as `compare.1.target`.
pub(super) struct WrongValue {
    path: String,
    what: String,
}

pub(super) fn wrong_value(path: impl Into<String>, what: impl Into<String>) -> WrongValue {
    WrongValue { path: path.into(), what: what.into() }
}

/// Reads the task in `text`, with all its entries in `score`.
///
/// # Errors
/// A text that shows every mistake with its line, column and the line itself; only the first one for mistakes in the
/// syntax or in the types of keys.
pub(super) fn parse(text: &str) -> Result<Task, String> {
    checked(text, |task| {
        let others = request_fields(task).err().into_iter().chain(scoring::published_mistakes(task));
        mistakes(task).into_iter().chain(others).collect()
    })
}

/// Reads the task of a recorded run as [`parse`] does, but allows any request field.
///
/// # Errors
/// As [`parse`].
pub(super) fn parse_recorded(text: &str) -> Result<Task, String> {
    checked(text, mistakes)
}

fn checked(text: &str, mistakes: impl Fn(&Task) -> Vec<WrongValue>) -> Result<Task, String> {
    let task: Task = toml::from_str(text).map_err(|error| Mistake::from_toml(text, &error).show(text))?;
    let shown = |wrong: WrongValue| Mistake::at(text, &wrong.path, wrong.what).show(text);
    match mistakes(&task) {
        mistakes if mistakes.is_empty() => Ok(scoring::resolved(task)),
        mistakes => Err(mistakes.into_iter().map(shown).collect::<Vec<_>>().join("\n")),
    }
}

fn mistakes(task: &Task) -> Vec<WrongValue> {
    let images = task.images.as_ref().map_or(Ok(()), |images| {
        images.check().map_err(|wrong| wrong_value(format!("images.{}", wrong.key), wrong.reason))
    });
    let found = [
        nothing_empty(task),
        choices(task),
        known_format(task),
        text_options(task),
        one_source(task),
        images,
    ];
    let found = found.into_iter().filter_map(Result::err);
    found.chain(messages::mistakes(task)).chain(scoring::mistakes(task)).collect()
}

/// An empty text for a name or a column is a form that was not filled in.
fn nothing_empty(task: &Task) -> Result<(), WrongValue> {
    let mut texts = vec![("name".to_owned(), &task.name), ("dataset.file".to_owned(), &task.dataset.file)];
    let (hub, url, revision) = (&task.dataset.hub, &task.dataset.url, &task.dataset.revision);
    for (key, text) in [("hub", hub), ("url", url), ("revision", revision)] {
        texts.extend(text.iter().map(|text| (format!("dataset.{key}"), text)));
    }
    let archive = task.images.iter().filter_map(|images| images.archive.as_ref());
    texts.extend(archive.map(|archive| ("images.archive".to_owned(), archive)));
    texts.extend(task.dataset.id.iter().map(|id| ("dataset.id".to_owned(), id)));
    if let Some(choices) = &task.dataset.choices {
        texts
            .extend(choices.option_columns().iter().map(|text| ("dataset.choices.options".to_owned(), text)));
        texts.push(("dataset.choices.label".to_owned(), &choices.label));
    }
    texts.extend(task.dataset.literal.iter().map(|text| ("dataset.literal".to_owned(), text)));
    texts.extend(message_texts(task));
    for (index, compare) in task.compare.iter().enumerate() {
        texts.push((format!("compare.{index}.part"), &compare.part));
        texts.push((format!("compare.{index}.target"), &compare.target));
        texts.extend(compare.column.iter().map(|column| (format!("compare.{index}.column"), column)));
    }
    for (index, entry) in task.score.iter().enumerate() {
        let named = [("name", &entry.name), ("column", &entry.column), ("target", &entry.target)];
        let given = named.into_iter().filter_map(|(key, text)| Some((key, text.as_ref()?)));
        texts.extend(given.map(|(key, text)| (format!("score.{index}.{key}"), text)));
        texts.push((format!("score.{index}.part"), &entry.part));
    }
    match texts.into_iter().find(|(_, text)| text.trim().is_empty()) {
        Some((path, _)) => {
            let what = format!("`{}` is empty", path.rsplit('.').next().unwrap_or(&path));
            Err(wrong_value(path, what))
        }
        None => Ok(()),
    }
}

fn choices(task: &Task) -> Result<(), WrongValue> {
    let Some(choices) = &task.dataset.choices else { return Ok(()) };
    if !choices.are_in_text() && choices.option_columns().is_empty() {
        let what = "`options` is empty: expected the columns that hold one option each";
        return Err(wrong_value("dataset.choices.options", what));
    }
    if choices.first.is_some() && choices.form != Some(LabelForm::Position) {
        let what = "`first` needs form = \"position\": it is the number of the first option";
        return Err(wrong_value("dataset.choices.first", what));
    }
    Ok(())
}

/// The texts of `[prompt]` and `[images]` that must not be empty.
fn message_texts(task: &Task) -> Vec<(String, &String)> {
    let (prompt, images) = (&task.prompt, task.images.iter());
    let mut texts: Vec<_> = prompt.system.iter().map(|text| ("prompt.system".to_owned(), text)).collect();
    for (index, example) in prompt.examples.iter().enumerate() {
        texts.push((format!("prompt.examples.{index}.prompt"), &example.prompt));
        texts.push((format!("prompt.examples.{index}.answer"), &example.answer));
        let images = example.images.iter();
        texts.extend(images.map(|image| (format!("prompt.examples.{index}.images"), image)));
    }
    for images in images {
        texts.extend(images.column.iter().map(|column| ("images.column".to_owned(), column)));
        texts.extend(images.columns.iter().map(|column| ("images.columns".to_owned(), column)));
    }
    texts
}

/// A dataset is on the Hub, at an address, or in a folder that the user gives; only one of them can be named.
fn one_source(task: &Task) -> Result<(), WrongValue> {
    let dataset = &task.dataset;
    let what = match (&dataset.hub, &dataset.url, &dataset.revision) {
        (Some(_), Some(_), _) => {
            ("dataset.url", "both `hub` and `url`: leave one, the data comes from one place")
        }
        (None, _, Some(_)) => ("dataset.revision", "`revision` is of a dataset on the Hub: it needs `hub`"),
        (None, Some(_), None) if dataset.file.contains(['*', '/']) => {
            ("dataset.file", "`url` is the address of one file: `file` is its name, without `/` and `*`")
        }
        _ => return Ok(()),
    };
    Err(wrong_value(what.0, what.1))
}

/// Asks the readers themselves, so that a new format needs no change here. Opens no file.
fn known_format(task: &Task) -> Result<(), WrongValue> {
    let Some(format) = &task.dataset.format else { return Ok(()) };
    let nowhere = Files::local(".".into(), Vec::new());
    match dataset::open(&nowhere, Some(format)) {
        Ok(_) => Ok(()),
        Err(error) => Err(wrong_value("dataset.format", error.to_string())),
    }
}

/// As [`known_format`], for the keys that say how a text is read.
fn text_options(task: &Task) -> Result<(), WrongValue> {
    let dataset = &task.dataset;
    for (key, encoding, delimiter) in
        [("encoding", dataset.encoding.as_deref(), None), ("delimiter", None, dataset.delimiter)]
    {
        let wrong = |error: DatasetError| wrong_value(format!("dataset.{key}"), error.to_string());
        TextOptions::new(encoding, delimiter).map_err(wrong)?;
    }
    Ok(())
}

/// Request fields that neither tasks nor the command line may set, each with the reason. With such a field, the
/// record would not describe what was sent.
pub const REFUSED_FIELDS: [(&str, &str); 3] = [
    ("model", "the model is named by --model"),
    ("messages", "the messages are made of [prompt] and [images]"),
    ("n", "eyechart records one answer for each sample; more answers would be paid for and lost"),
];

fn request_fields(task: &Task) -> Result<(), WrongValue> {
    for (key, says) in REFUSED_FIELDS {
        if task.generation.contains_key(key) {
            return Err(wrong_value(
                format!("generation.{key}"),
                format!("[generation] has `{key}`: {says}"),
            ));
        }
    }
    if let Some(given) = task.generation.get(Task::KEEP_REASONING).filter(|given| !given.is_boolean()) {
        let key = Task::KEEP_REASONING;
        let what = format!("[generation] has {key} = {given}: expected true or false");
        return Err(wrong_value(format!("generation.{key}"), what));
    }
    match task.generation.get("stream").filter(|stream| **stream != false) {
        Some(stream) => {
            let what = format!("[generation] has stream = {stream}: streamed replies are not supported");
            Err(wrong_value("generation.stream", what))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TASK: &str = "\
name = \"charts\"
[dataset]
file = \"charts.jsonl\"
[prompt]
text = \"{{ question }}\"
[images]
column = \"image\"
[[compare]]
target = \"answer\"
[[compare]]
part = \"why\"
target = \"rationale\"
";

    /// The errors of the task with `old` replaced by `new`.
    fn said(old: &str, new: &str) -> String {
        assert!(TASK.contains(old), "{old}");
        parse(&TASK.replacen(old, new, 1)).unwrap_err()
    }

    #[test]
    fn an_unknown_key_is_shown_in_its_line_with_the_nearest_and_all_others() {
        assert!(parse(TASK).is_ok());
        assert_eq!(
            said("column = ", "colum = ").lines().take(4).collect::<Vec<_>>().join("\n"),
            "line 7, column 1: unknown key `colum` in [images]\n  |\n7 | colum = \"image\"\n  | ^^^^^ did you mean `column`?"
        );
        let list = said("target = \"rationale\"", "  targt = \"rationale\"");
        assert!(list.starts_with("line 12, column 3: unknown key `targt` in [[compare]]"), "{list}");
        assert!(list.ends_with("the keys in [[compare]] are part, take, column, target, title"), "{list}");
        let top = said("[images]", "[image]");
        assert!(top.starts_with("line 6, column 2: unknown key `image` at the top level"), "{top}");
        assert!(top.contains("did you mean `images`?"), "{top}");
        let inline = said("file =", "choices = { option = \"o\", label = \"l\" }\nfile =");
        assert!(
            inline.starts_with("line 3, column 13: unknown key `option` in [dataset.choices]"),
            "{inline}"
        );
        let far = said("column = ", "x = ");
        assert!(!far.contains("did you mean"), "{far}");
    }

    #[test]
    fn a_wrong_type_or_word_says_what_was_expected_in_words_of_toml() {
        let cases = [
            (
                "\"charts.jsonl\"",
                "3",
                "line 3, column 8: `file` in [dataset]: expected a string, found integer `3`",
            ),
            (
                "\"image\"",
                "[\"image\"]",
                "line 7, column 10: `column` in [images]: expected a string, found a list",
            ),
            (
                "\"rationale\"",
                "true",
                "line 12, column 10: `target` in [[compare]]: expected a string, found boolean `true`",
            ),
            (
                "file =",
                "require = \"a\"\nfile =",
                "line 3, column 11: `require` in [dataset]: expected a list, found string \"a\"",
            ),
            (
                "file =",
                "sample_size = -1\nfile =",
                "line 3, column 15: `sample_size` in [dataset]: expected a whole number from 0 up, found integer `-1`",
            ),
            (
                "[dataset]\nfile = \"charts.jsonl\"",
                "dataset = \"charts.jsonl\"",
                "line 2, column 11: `dataset` at the top level: expected a table, found string \"charts.jsonl\"",
            ),
            ("column =", "send = \"urls\"\ncolumn =", "line 7, column 8: `send` cannot be \"urls\""),
            ("file =", "format = \"cvs\"\nfile =", "line 3, column 10: no reader for \"cvs\""),
        ];
        for (old, new, expected) in cases {
            let said = said(old, new);
            assert!(said.starts_with(expected), "{said}");
        }
        assert!(said("column =", "send = \"urls\"\ncolumn =").contains("did you mean `url`?"));
    }

    #[test]
    fn a_missing_key_is_said_of_its_table_and_an_empty_one_where_it_stands() {
        let cases = [
            ("name = \"charts\"", "", "line 1, column 1: the key `name` is missing at the top level"),
            ("file = \"charts.jsonl\"", "", "line 2, column 1: the key `file` is missing in [dataset]"),
            ("target = \"rationale\"", "", "line 10, column 1: the key `target` is missing in [[compare]]"),
            ("\"charts\"", "\" \"", "line 1, column 8: `name` is empty"),
            ("\"rationale\"", "\"\"", "line 12, column 10: `target` is empty"),
        ];
        for (old, new, expected) in cases {
            let said = said(old, new);
            assert!(said.starts_with(expected), "{said}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_shown_where_it_stands() {
        let cases = [
            (
                "[images]",
                "[generation]\nmodel = \"m\"\n[images]",
                "line 7, column 9: [generation] has `model`: the model is named by --model",
            ),
            (
                "[images]",
                "[generation]\nstream = true\n[images]",
                "line 7, column 10: [generation] has stream = true",
            ),
            (
                "part = \"why\"\ntarget = \"rationale\"",
                "target = \"answer\"",
                "line 10, column 1: a second [[compare]]",
            ),
            ("{{ question }}", "{{ question", "line 5, column 8: `prompt.text` is not a template"),
            ("name = \"charts\"", "name = \"charts", "line 1, column 15: invalid basic string"),
            ("name = \"charts\"", "name = \"charts\"\nname = \"x\"", "line 2, column 1: duplicate key"),
        ];
        for (old, new, expected) in cases {
            let said = said(old, new);
            assert!(said.starts_with(expected), "{said}");
        }
    }

    #[test]
    fn columns_count_characters_and_tabs_keep_the_mark_in_place() {
        let shown = said("file =", "\tchoices = { options = \"é\", lable = \"l\" }\nfile =");
        assert!(shown.starts_with("line 3, column 29: unknown key `lable`"), "{shown}");
        assert!(shown.contains(&format!("\n  | \t{}^^^^^ did you mean `label`?", " ".repeat(27))), "{shown}");
    }

    proptest! {
        #[test]
        fn whatever_stands_in_the_file_is_a_task_or_an_error_with_its_line(
            at in 0..TASK.len(), length in 0..12_usize, put in "[a-z\\[\\]{}=\"',.#é\\r\\n\\t 0-9]{0,8}",
        ) {
            let end = (at + length).min(TASK.len());
            let text = format!("{}{put}{}", &TASK[..at], &TASK[end..]);
            if let Err(said) = parse(&text) {
                prop_assert!(said.starts_with("line "), "{said}");
            }
        }
    }

    #[test]
    fn data_comes_from_one_place() {
        let file = "file = \"charts.jsonl\"";
        let said = |keys: &str| said(file, &format!("{keys}\n{file}"));
        assert!(said("hub = \"a/b\"\nurl = \"https://a.b/c\"").contains("both `hub` and `url`: leave one"));
        assert!(said("revision = \"main\"").contains("it needs `hub`"));
        assert!(said("hub = \" \"").contains("`hub` is empty"));
        let many = TASK.replace(file, "url = \"https://a.b/c\"\nfile = \"*.jsonl\"");
        assert!(parse(&many).unwrap_err().contains("`url` is the address of one file"));
        assert!(
            parse(&TASK.replace(file, "hub = \"a/b\"\nrevision = \"v1\"\nfile = \"data/*.jsonl\"")).is_ok()
        );
    }
}
