//! Writes a guess as a task file that is complete, commented and easy to change by hand.
//!
//! Produces text; opens no file.

use super::first_rows::FirstRows;
use super::guess::{Guess, GuessedColumn, GuessedOptions};
use crate::text::counted;
use crate::types::{ChoiceOptions, LabelForm, SendAs, column_of};

/// The prompt if no column has a question.
const DESCRIBE: &str = "Describe this image.";

/// What a question asks for if the answers are compared literally.
const SHORT_ANSWER: &str = "a word, a number or a short phrase";

/// Width of comment lines in characters.
const WIDTH: usize = 80;

/// The text of a task file with this name, for `data` and its guessed columns.
#[must_use]
pub fn starter(name: &str, data: &FirstRows, guess: &Guess) -> String {
    let sections = [
        format!("{}\nname = {}\n", header(data), quoted(name)),
        dataset(data, guess),
        prompt(guess),
        images(guess),
        generation(guess),
        scores(data, guess),
    ];
    sections.join("\n")
}

fn header(data: &FirstRows) -> String {
    let columns = data.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ");
    let text = format!(
        "A task for `eyechart run`, written by `eyechart init` from the first {} of {}. Each guess has its \
         reason behind it: change what is wrong. docs/tasks.md explains every key.",
        counted(data.rows, "row"),
        quoted(&data.file)
    );
    format!("{}#\n{}", comment(&text), comment(&format!("Columns: {columns}")))
}

fn dataset(data: &FirstRows, guess: &Guess) -> String {
    let mut text = format!("[dataset]\nfile = {}\n", quoted(&data.file));
    match &guess.id {
        Some(id) => text.push_str(&format!("id = {}\n", reasoned(id))),
        None => text.push_str("# id = \"COLUMN\"  # none was found: samples are named by their row number\n"),
    }
    if !guess.incomplete.is_empty() {
        let left_out = format!(
            "Rows in which one of these is missing or empty are left out: {} of the first {}.",
            guess.incomplete_rows,
            counted(data.rows, "row")
        );
        text.push_str(&comment(&left_out));
        text.push_str(&format!("require = {}\n", list(&guess.incomplete)));
    }
    if !guess.literal.is_empty() || lists_without_label(guess).is_some() {
        text.push_str("# Columns whose texts are written as lists of JSON or Python:\n");
        let lists = lists_without_label(guess).map(|column| column_of(column).to_owned());
        let columns: Vec<String> = guess.literal.iter().cloned().chain(lists).collect();
        text.push_str(&format!("literal = {}\n", list(&columns)));
    }
    text.push_str(&choices(guess));
    text.push_str("# sample_size = 100  # how many rows are asked without --limit; all of them if absent\n");
    if !guess.others.is_empty() {
        text.push_str("# Columns to keep in the record, for exports:\n");
        text.push_str(&format!("# keep = {}\n", list(&guess.others)));
    }
    text
}

/// The column of options that the prompt lists although the right option is unknown.
fn lists_without_label(guess: &Guess) -> Option<&String> {
    match guess.options.as_ref()? {
        GuessedOptions { columns: ChoiceOptions::Column(column), label: None, .. } => Some(column),
        _ => None,
    }
}

fn choices(guess: &Guess) -> String {
    let Some(options) = &guess.options else { return String::new() };
    let columns = match &options.columns {
        ChoiceOptions::Column(column) => quoted(column),
        ChoiceOptions::Columns(columns) => list(columns),
    };
    let target = guess.target.as_ref().map_or("COLUMN", |target| target.column.as_str());
    let Some(label) = options.label else {
        let text = "Multiple choice, if the label is an option's letter, its text, or its position with form = \
                    \"position\"; in most rows it is none of them:";
        let line = format!("choices = {{ options = {columns}, label = {} }}", quoted(target));
        return format!("{}# {line}\n", comment(text));
    };
    let form = match label.form {
        Some(LabelForm::Position) => format!(", form = \"position\", first = {}", label.first),
        Some(LabelForm::Letter) => ", form = \"letter\"".to_owned(),
        Some(LabelForm::Text) => ", form = \"text\"".to_owned(),
        None => String::new(),
    };
    let mut text = format!(
        "# Multiple choice: the options, and the right one.\nchoices = {{ options = {columns}, label = {}{form} }}\n",
        quoted(target)
    );
    if label.is_form_unclear {
        text.push_str(&comment(
            "Attention: labels such as A are the letter of one option and the text of another: check `form`.",
        ));
    }
    if label.is_first_unclear {
        text.push_str(&comment(
            "Attention: the first rows do not show whether positions are counted from 0 or from 1: check `first`.",
        ));
    }
    text
}

fn prompt(guess: &Guess) -> String {
    let text = template(guess);
    let literal = if text.contains('\n') { format!("\"\"\"\n{text}\"\"\"") } else { quoted(&text) };
    let reason = match &guess.question {
        Some(found) => format!("The question: the column {}, {}.", quoted(&found.column), found.reason),
        None => "No column looks like a question: every picture gets the same prompt.".to_owned(),
    };
    let more = "A template over the columns: {{ column }} is replaced by the row's text.";
    format!("[prompt]\n{}{}text = {literal}\n", comment(&reason), comment(more))
}

/// The template of the prompt.
fn template(guess: &Guess) -> String {
    let question = match (&guess.question, &guess.options) {
        (Some(found), _) => format!("{{{{ {} }}}}", variable(&found.column)),
        (None, Some(_)) => "Which of these options is right?".to_owned(),
        (None, None) => DESCRIBE.to_owned(),
    };
    let Some(options) = &guess.options else {
        if guess.question.is_some() && guess.target_is_true_or_false {
            return format!("{question}\nAnswer with yes or no.");
        }
        let is_short = guess.question.is_some() && guess.target_is_short;
        return if is_short { format!("{question}\nAnswer with {SHORT_ANSWER}.") } else { question };
    };
    let answer = if options.label.is_some() { "the letter of the right option" } else { "the right option" };
    if matches!(&options.columns, ChoiceOptions::Column(column) if column == ChoiceOptions::IN_TEXT) {
        let listed =
            options.text.as_ref().map(|text| format!("\n{{{{ {} }}}}", variable(text))).unwrap_or_default();
        return format!("{question}{listed}\n\nAnswer with {answer}.");
    }
    let lines = match (&options.label, &options.columns) {
        (Some(_), _) => listed("choices", options.have_letters),
        (None, ChoiceOptions::Column(column)) => match column.split_once("[].") {
            Some((list, key)) if options.in_object => listed(&variable(list), false)
                .replace("{{ option }}", &format!("{{{{ option[{}] }}}}", quoted(key))),
            _ if options.in_object => listed(&key_variable(column), false),
            _ => listed(&variable(column), options.have_letters),
        },
        (None, ChoiceOptions::Columns(columns)) => {
            let line = |(letter, column): (char, &String)| {
                let column = if options.in_object { key_variable(column) } else { variable(column) };
                format!("{{% if {column} %}}\n{letter}. {{{{ {column} }}}}{{% endif %}}")
            };
            ('A'..='Z').zip(columns).map(line).collect()
        }
    };
    format!("{question}\n{lines}\n\nAnswer with {answer}.")
}

/// The lines of a list of options, each with a letter.
fn listed(options: &str, have_letters: bool) -> String {
    let letter = if have_letters { "" } else { "{{ \"ABCDEFGHIJKLMNOPQRSTUVWXYZ\"[loop.index0] }}. " };
    format!("{{% for option in {options} %}}\n{letter}{{{{ option }}}}{{% endfor %}}")
}

/// The column as templates name it.
fn variable(column: &str) -> String {
    const RESERVED: [&str; 19] = [
        "and",
        "choices",
        "elif",
        "else",
        "false",
        "for",
        "if",
        "in",
        "is",
        "loop",
        "none",
        "not",
        "or",
        "recursive",
        "row",
        "self",
        "true",
        "range",
        "dict",
    ];
    let starts = column.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_name = starts && column.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match is_name && !RESERVED.contains(&column.to_lowercase().as_str()) {
        true => column.to_owned(),
        false => format!("row[{}]", quoted(column)),
    }
}

/// The key of an object as templates name it.
fn key_variable(path: &str) -> String {
    path.split_once('.')
        .map_or_else(|| variable(path), |(column, key)| format!("{}[{}]", variable(column), quoted(key)))
}

fn images(guess: &Guess) -> String {
    let Some(pictures) = &guess.pictures else {
        let text = "No column looks like pictures: the prompt is sent without a picture. With pictures:";
        return format!("{}# [images]\n# column = \"COLUMN\"\n# place = \"before\"\n", comment(text));
    };
    let mut text = match pictures.series.as_slice() {
        [] => format!("[images]\ncolumn = {}\n", reasoned(&pictures.found)),
        series => format!("[images]\ncolumns = {}  # {}\n", list(series), pictures.found.reason),
    };
    if !guess.unused_pictures.is_empty() {
        let columns = guess.unused_pictures.join(", ");
        text.push_str(&comment(&format!(
            "Attention: pictures in {columns} are not sent; several columns: `columns`."
        )));
    }
    if let Some(warning) = &pictures.warning {
        text.push_str(&comment(&format!("Attention: {warning}.")));
    }
    if guess.has_markers {
        text.push_str(&comment(
            "Attention: the question has markers such as <image 1>. With place = \"markers\" each is replaced by its picture.",
        ));
    }
    text.push_str("place = \"before\"  # the text; or \"after\" it, or \"markers\"\n");
    match pictures.send {
        SendAs::Url => text.push_str("send = \"url\"  # the endpoint fetches the pictures itself\n"),
        _ => text.push_str(
            "# format = \"jpeg\"  # re-encodes pictures of other formats; otherwise they are sent unchanged\n",
        ),
    }
    text
}

fn generation(guess: &Guess) -> String {
    let more = "Request fields, sent as they are. Without them the endpoint uses its own defaults.";
    let is_literal = guess.is_choice() || guess.target_is_short;
    let fields = match is_literal {
        // Room for the reasoning of a model that reasons in its text.
        true => "temperature = 0\nmax_tokens = 1000\n",
        false => "# temperature = 0\n# max_tokens = 300\n",
    };
    format!("{}[generation]\n{fields}", comment(more))
}

fn scores(data: &FirstRows, guess: &Guess) -> String {
    if guess.is_choice() {
        return "[[score]]\nscorer = \"choice\"  # which option the answer picks: accuracy\n".to_owned();
    }
    let Some(target) = &guess.target else {
        let list = guess.unclear_list.as_deref().map(|list| {
            format!(
                "if the items of {0} are options, write choices = {{ options = {0}, label = COLUMN }} in [dataset]; if each \
                 item is a right answer, name {0} here.",
                quoted(list)
            )
        });
        let how = if let Some(how) = &list {
            how
        } else if data.has_only_pictures {
            "put a text file beside each picture (`cat.txt` beside `cat.png`) and write `target = \"text\"` here, or \
             a table of the pictures with a column of answers (metadata.csv, with `file_name`) and its name."
        } else {
            "name the column with the right answer, or a list of them, here."
        };
        let column = guess.others.first().map_or("COLUMN", String::as_str);
        let text = format!(
            "There is nothing to compare with: no column looks like an answer. Answers are recorded and not \
             scored. To score them, {how}"
        );
        let entry = format!("# [[score]]\n# scorer = \"exact_match\"\n# target = {}\n", quoted(column));
        return format!("{}{entry}", comment(&text));
    };
    if guess.target_is_true_or_false {
        let meaning = "The targets true and false count as yes and no.";
        return format!(
            "{}[[score]]\nscorer = \"yes_no\"\ntarget = {}\n",
            comment(meaning),
            reasoned(target)
        );
    }
    if guess.target_is_number {
        let others = "The number in an answer is compared with the right one; `tolerance` and `relative_tolerance` allow a \
                      difference (docs/scorers.md).";
        return format!("{}[[score]]\nscorer = \"number\"\ntarget = {}\n", comment(others), reasoned(target));
    }
    if guess.target_is_short {
        let others = "Answers are compared without regard to case, punctuation and articles. For numbers with a tolerance: \
                      number; for yes or no: yes_no; for an answer within a sentence: contains (docs/scorers.md).";
        let unread = unread_options(guess).map(|unread| comment(&unread)).unwrap_or_default();
        return format!(
            "{unread}{}[[score]]\nscorer = \"exact_match\"\ntarget = {}\n",
            comment(others),
            reasoned(target)
        );
    }
    let others = "Similarity compares free texts and is not an accuracy. For names and words: exact_match or contains; for \
                  numbers: number; for yes or no: yes_no; for captions: captions (docs/scorers.md).";
    let mut text =
        format!("{}[[score]]\nscorer = \"similarity\"\ntarget = {}\n", comment(others), reasoned(target));
    if let Some(other) = guess.alternatives.first() {
        text.push('\n');
        text.push_str(&comment("The answer can be compared with more than one column:"));
        text.push_str(&format!("# [[score]]\n# scorer = \"similarity\"\n# target = {}\n", quoted(other)));
    }
    text
}

/// What to do about answers that look like letters of options that were not found.
fn unread_options(guess: &Guess) -> Option<String> {
    let unread = guess.unread_options.as_ref()?;
    let target = guess.target.as_ref().map_or("COLUMN", |target| target.column.as_str());
    let like = match unread.columns.as_slice() {
        [] => String::new(),
        columns => format!(" These columns could have them: {}.", list(columns)),
    };
    Some(format!(
        "Attention: each answer in {0} looks like the letter or number of an option, and no options were found: the prompt \
         does not show them.{like} Write choices = {{ options = COLUMN, label = {0} }} in [dataset] for a column of lists, \
         or options = [\"COLUMN\", \"COLUMN\"] for a column each, and scorer = \"choice\" here.",
        quoted(target)
    ))
}

/// A value with its reason as a comment.
fn reasoned(found: &GuessedColumn) -> String {
    format!("{}  # {}", quoted(&found.column), found.reason)
}

fn list(names: &[String]) -> String {
    format!("[{}]", names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", "))
}

/// A TOML basic string. JSON uses the same escapes, except for DEL.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// Comment lines, each within the width if its words allow that.
fn comment(text: &str) -> String {
    let mut lines = vec!["#".to_owned()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 1 && line + 1 + word.chars().count() > WIDTH {
            lines.push("#".to_owned());
        }
        if let Some(line) = lines.last_mut() {
            line.push(' ');
            line.push_str(word);
        }
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_quoted_as_toml_reads_it() {
        for text in ["a \"b\" \\ c", "line\nbreak\ttab", "\u{7f}\u{1}", "é × 図", ""] {
            let table: toml::Table = toml::from_str(&format!("k = {}", quoted(text))).unwrap();
            assert_eq!(table["k"].as_str(), Some(text));
        }
    }

    #[test]
    fn comments_are_wrapped_and_every_line_is_one() {
        let text = comment(&"a fairly long word\nand another one ".repeat(9));
        assert!(text.lines().all(|line| line.starts_with("# ") && line.len() <= WIDTH), "{text}");
        assert!(text.lines().count() > 3);
    }
}
