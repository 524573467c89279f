//! Writes a guess as a task file that is complete, commented and easy to change by hand.
//!
//! Produces text; opens no file.

use super::first_rows::FirstRows;
use super::guess::{Guess, GuessedColumn, GuessedOptions};
use crate::text::counted;
use crate::types::SendAs;

/// The prompt if no column has a question.
const DESCRIBE: &str = "Describe this image.";

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
        generation(),
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
        text.push_str("# Rows in which one of these is missing or empty are left out.\n");
        text.push_str(&format!("require = {}\n", list(&guess.incomplete)));
    }
    text.push_str(&choices(guess));
    text.push_str("# sample_size = 100  # how many rows are asked without --limit; all of them if absent\n");
    if !guess.others.is_empty() {
        text.push_str("# Columns to keep in the record, for exports:\n");
        text.push_str(&format!("# keep = {}\n", list(&guess.others)));
    }
    text
}

fn choices(guess: &Guess) -> String {
    match (&guess.options, &guess.target) {
        (Some(GuessedOptions::List { found, names_option: true, .. }), Some(target)) => format!(
            "# Multiple choice: the options, and the right one.\nchoices = {{ options = {}, label = {} }}\n",
            quoted(&found.column),
            quoted(&target.column)
        ),
        (Some(GuessedOptions::List { found, .. }), _) => {
            let label = guess.target.as_ref().map_or("COLUMN", |target| target.column.as_str());
            let text = "Multiple choice, if the label is an option's letter or its text; in most rows it is neither:";
            let options = quoted(&found.column);
            format!("{}# choices = {{ options = {options}, label = {} }}\n", comment(text), quoted(label))
        }
        (Some(GuessedOptions::Letters(_)), _) => comment(
            "The options have a column each. `choices` needs one column with a list of them: the prompt below \
             shows them all the same.",
        ),
        (None, _) => String::new(),
    }
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
        (Some(found), _) => format!("{{{{ {} }}}}", found.column),
        (None, Some(_)) => "Which of these options is right?".to_owned(),
        (None, None) => DESCRIBE.to_owned(),
    };
    let Some(options) = &guess.options else { return question };
    let options = match options {
        GuessedOptions::List { found, is_real: false, .. } => {
            format!("GuessedOptions: {{{{ {} }}}}", found.column)
        }
        GuessedOptions::List { found, has_letters, .. } => {
            let letter =
                if *has_letters { "" } else { "{{ \"ABCDEFGHIJKLMNOPQRSTUVWXYZ\"[loop.index0] }}. " };
            format!("{{% for option in {} %}}\n{letter}{{{{ option }}}}{{% endfor %}}", found.column)
        }
        GuessedOptions::Letters(columns) => {
            let lines = columns.iter().map(|letter| format!("{letter}. {{{{ {letter} }}}}"));
            lines.collect::<Vec<_>>().join("\n")
        }
    };
    let answer = if guess.target_is_letter { "the letter of the right option" } else { "the right option" };
    format!("{question}\n{options}\n\nAnswer with {answer}.")
}

fn images(guess: &Guess) -> String {
    let Some(pictures) = &guess.pictures else {
        let held = guess.base64.as_ref().map(|column| {
            format!(
                " The column {} seems to hold pictures as base64, which is not read: write them to files.",
                quoted(column)
            )
        });
        let text = format!(
            "No column looks like pictures: the prompt is sent without a picture.{} With pictures:",
            held.unwrap_or_default()
        );
        return format!("{}# [images]\n# column = \"COLUMN\"\n# place = \"before\"\n", comment(&text));
    };
    let mut text = format!("[images]\ncolumn = {}\n", reasoned(&pictures.found));
    if let Some(warning) = &pictures.warning {
        text.push_str(&comment(&format!("Attention: {warning}.")));
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

fn generation() -> String {
    let more = "Request fields, sent as they are. Without them the endpoint uses its own defaults.";
    format!("{}[generation]\n# temperature = 0\n# max_tokens = 300\n", comment(more))
}

fn scores(data: &FirstRows, guess: &Guess) -> String {
    if let Some(GuessedOptions::List { names_option: true, .. }) = &guess.options {
        return "[[score]]\nscorer = \"choice\"  # which option the answer picks: accuracy\n".to_owned();
    }
    let Some(target) = &guess.target else {
        let how = if data.has_only_pictures {
            "put a text file beside each picture (`cat.txt` beside `cat.png`) and write `target = \"text\"` here, or \
             a table of the pictures with a column of answers (metadata.csv, with `file_name`) and its name."
        } else {
            "name the column with the right answer, or a list of them, here."
        };
        let text = format!(
            "There is nothing to compare with: no column looks like an answer. Answers are recorded and not \
             scored. To score them, {how}"
        );
        let entry = "# [[score]]\n# scorer = \"exact_match\"\n# target = \"COLUMN\"\n";
        return format!("{}{entry}", comment(&text));
    };
    let others = "Similarity compares free texts and is not an accuracy. For names and words: exact_match or contains; for \
                  numbers: number; for yes or no: yes_no; for captions: captions (docs/scorers.md).";
    let mut text =
        format!("{}[[score]]\nscorer = \"similarity\"\ntarget = {}\n", comment(others), reasoned(target));
    if guess.target_is_letter {
        text.push_str("take = \"first_line\"  # of the answer\n");
    }
    if let Some(other) = guess.alternatives.first() {
        text.push('\n');
        text.push_str(&comment("The answer can be compared with more than one column:"));
        text.push_str(&format!("# [[score]]\n# scorer = \"similarity\"\n# target = {}\n", quoted(other)));
    }
    text
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
