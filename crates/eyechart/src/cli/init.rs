//! `eyechart init`: a task file for a user's own data.

use std::path::{Path, PathBuf};

use clap::Args;
use eyechart::files::write_bytes;
use eyechart::task::{DataAccess, FirstRows, Guess, LoadedTask, SampleResult, TaskData, starter};
use eyechart::text::{counted, wrapped};
use eyechart::types::{ChoiceOptions, ImageSource, Sample, Silent};

use super::{Exit, output};

/// Write a commented task file for your own data
///
/// Looks at the first 100 rows, guesses which columns hold pictures, questions,
/// options, answers and ids, writes a task file that runs as it is, and shows
/// the first prompt it would send.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Init {
    /// A JSONL, CSV or Parquet file, a pattern in quotes for the shards of one, or a folder of pictures
    #[arg(value_name = "DATA")]
    data: PathBuf,

    /// The task file to write [default: beside the data, with its name]
    #[arg(long, value_name = "FILE.toml")]
    out: Option<PathBuf>,

    /// Name of the task in files and tables [default: the name of the data]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Replace a file that exists
    #[arg(long)]
    force: bool,
}

const EXAMPLES: &str = "\
Examples:
  eyechart init charts.jsonl
      writes charts.toml beside it
  eyechart init 'flickr30k/data/test-*.parquet' --name flickr
      several shards as one dataset
  eyechart init photos/ --out tasks/photos.toml
      a folder of pictures, with or without metadata.csv";

impl Init {
    pub fn call(self) -> anyhow::Result<Exit> {
        let look = FirstRows::read(&self.data)?;
        let stem = stem(&look);
        let out = self.out.clone().unwrap_or_else(|| beside(&look, &stem));
        anyhow::ensure!(
            self.force || !out.exists(),
            "{} exists: name another file with --out, or replace it with --force",
            out.display()
        );
        let guess = Guess::of(&look);
        refuse_unknown_columns(&look, &guess, &out)?;
        let text = starter(self.name.as_deref().unwrap_or(&stem), &look, &guess);
        let first = first_sample(&text, &look, &out)?;
        write_bytes(&out, text.as_bytes())?;
        notices_of(&look, &guess).iter().for_each(|notice| output::notice(notice));
        let shown = [
            format!("wrote {}\n", out.display()),
            wrapped(&guesses_in_words(&look, &guess), output::width(), 4) + "\n",
            wrapped(&first_prompt(first.as_ref()), output::width(), 4) + "\n",
            next_commands(&look, &out, first.as_ref()),
        ];
        output::result(&shown.join("\n"));
        Ok(Exit::Success)
    }
}

fn beside(look: &FirstRows, stem: &str) -> PathBuf {
    let name = format!("{stem}.toml");
    if look.folder == Path::new(".") { name.into() } else { look.folder.join(name) }
}

/// The name of the data without extension and `*`.
fn stem(look: &FirstRows) -> String {
    let path = Path::new(&look.file);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let packed = [".gz", ".zst"].iter().find_map(|ending| name.strip_suffix(ending));
    let named = packed.unwrap_or(&name);
    let is_folder = look.folder.join(path).is_dir();
    let stem = if is_folder {
        named.into()
    } else {
        Path::new(named).file_stem().unwrap_or_default().to_string_lossy()
    };
    let stem = stem.replace('*', "");
    match stem.trim_matches(['-', '_', '.']) {
        "" => "task".to_owned(),
        stem => stem.to_owned(),
    }
}

fn refuse_unknown_columns(look: &FirstRows, guess: &Guess, out: &Path) -> anyhow::Result<()> {
    if guess.pictures.is_some() || guess.question.is_some() {
        return Ok(());
    }
    let columns: Vec<_> = look.columns.iter().map(|column| column.name.as_str()).collect();
    anyhow::bail!(
        "no column of {} looks like pictures or like a question; it has the columns {}\n\
         write the task file by hand: in {}, [dataset] file = {:?}, [images] column = the column of pictures, \
         [prompt] text = the question, such as \"{{{{ column }}}}\", [[score]] scorer and target = the column of answers \
         (docs/tasks.md has an example)",
        look.file,
        columns.join(", "),
        out.display(),
        look.file
    )
}

/// The first sample of the task file, made as a run would make it.
fn first_sample(text: &str, look: &FirstRows, out: &Path) -> anyhow::Result<Option<SampleResult>> {
    let loaded = LoadedTask::parse(&out.display().to_string(), text.to_owned(), None)?;
    let access = DataAccess::new(Some(look.folder.clone()));
    let dataset = TaskData::find(&loaded, &access, &Silent)?;
    dataset.notices()?.iter().for_each(|notice| output::notice(notice));
    Ok(dataset.first()?)
}

fn notices_of(look: &FirstRows, guess: &Guess) -> Vec<String> {
    let mut notices = Vec::new();
    if let Some(bad) = &look.bad {
        let all = look.rows + look.bad_rows;
        notices.push(format!(
            "{} of the first {} cannot be read, such as {bad}",
            look.bad_rows,
            counted(all, "row")
        ));
    }
    match &guess.pictures {
        Some(pictures) => notices.extend(pictures.warning.clone()),
        None => notices.push(
            "no column looks like pictures: only the prompt is sent; see [images] in the file".to_owned(),
        ),
    }
    if !guess.unused_pictures.is_empty() {
        notices.push(format!(
            "pictures in {} are not sent; see [images] in the file",
            guess.unused_pictures.join(", ")
        ));
    }
    if guess.incomplete_rows > 0 {
        notices.push(format!(
            "{} of the first {} lack {} and are left out: see `require` in the file",
            guess.incomplete_rows,
            counted(look.rows, "row"),
            guess.incomplete.join(" or ")
        ));
    }
    if guess.has_markers && guess.pictures.is_some() {
        notices.push(
            "the question has markers such as <image 1>: place = \"markers\" in the file sends each picture in its place"
                .to_owned(),
        );
    }
    if let (Some(unread), Some(target)) = (&guess.unread_options, &guess.target) {
        let like = match unread.columns.as_slice() {
            [] => String::new(),
            columns => format!("; {} could have them", columns.join(", ")),
        };
        notices.push(format!(
            "each answer in {} looks like the letter or number of an option, and no options were found{like}: write \
             `choices` as the end of the file shows",
            target.column
        ));
    }
    if let Some(list) = &guess.unclear_list {
        notices.push(format!(
            "the lists in {list} could be options or references: they are not scored; see the end of the file"
        ));
    }
    match (&guess.options, &guess.target) {
        (Some(options), _) if options.label.is_some_and(|label| label.is_first_unclear) => notices.push(
            "the first rows do not show whether positions of options are counted from 0 or from 1: check `first` in the file"
                .to_owned(),
        ),
        (Some(options), Some(target)) if options.label.is_some_and(|label| label.is_form_unclear) => {
            notices.push(format!(
                "labels in {} are the letter of one option and the text of another: check `form` in the file",
                target.column
            ));
        }
        (Some(options), Some(target)) if options.label.is_none() => notices.push(format!(
            "the column {} gives no option by its letter, text or position in most rows: `choice` cannot score it",
            target.column
        )),
        _ => {}
    }
    if guess.target.is_none() && guess.unclear_list.is_none() {
        let others = match guess.others.as_slice() {
            [] => String::new(),
            others => format!("; to score by one of {}, name it there as `target`", others.join(", ")),
        };
        notices.push(format!(
            "no column looks like an answer: answers are recorded and not scored; see the end of the file{others}"
        ));
    }
    notices
}

fn guesses_in_words(look: &FirstRows, guess: &Guess) -> String {
    let options = guess.options.as_ref().map(|options| {
        let columns = match &options.columns {
            ChoiceOptions::Column(column) => column.clone(),
            ChoiceOptions::Columns(columns) => columns.join(", "),
        };
        (columns, options.reason.clone())
    });
    let pictures = guess.pictures.as_ref().map(|pictures| match pictures.series.as_slice() {
        [] => (pictures.found.column.clone(), pictures.found.reason.clone()),
        series => (series.join(", "), pictures.found.reason.clone()),
    });
    let found = |found: Option<&eyechart::task::GuessedColumn>| {
        found.map(|found| (found.column.clone(), found.reason.clone()))
    };
    let roles = [
        ("pictures", pictures),
        ("question", found(guess.question.as_ref())),
        ("options", options),
        ("answer", found(guess.target.as_ref())),
        ("id", found(guess.id.as_ref())),
    ];
    let width =
        roles.iter().filter_map(|(_, found)| Some(found.as_ref()?.0.chars().count())).max().unwrap_or(0);
    let mut text = format!("guessed from {} of {}:\n", counted(look.rows, "row"), look.file);
    for (role, found) in roles {
        text.push_str(&match found {
            Some((column, why)) => format!("  {role:<9} {column:<width$}  ({why})\n"),
            None => format!("  {role:<9} none\n"),
        });
    }
    if !guess.others.is_empty() {
        text.push_str(&format!("  other columns: {}\n", guess.others.join(", ")));
    }
    text
}

fn first_prompt(first: Option<&SampleResult>) -> String {
    match first {
        Some(Ok(sample)) => {
            let pictures: Vec<_> = sample.messages.pictures().map(name_of).collect();
            let with =
                if pictures.is_empty() { String::new() } else { format!(", with {}", pictures.join(", ")) };
            let lines = sample.prompt.lines().map(|line| format!("  {line}\n"));
            format!("the first prompt it would send{with}:\n\n{}", lines.collect::<String>())
        }
        Some(Err(unmade)) => format!("the first sample would fail: {}\n", unmade.failure.message),
        None => "no row has all columns that the prompt needs: see `require` in the file\n".to_owned(),
    }
}

fn name_of(image: &ImageSource) -> String {
    match image {
        ImageSource::File(path) => path.strip_prefix(".").unwrap_or(path).display().to_string(),
        ImageSource::Url(url) | ImageSource::Fetched { url, .. } => url.clone(),
        ImageSource::Member { origin, .. } | ImageSource::Bytes { origin, .. } => origin.clone(),
    }
}

fn next_commands(look: &FirstRows, out: &Path, first: Option<&SampleResult>) -> String {
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let same = parent.canonicalize().ok() == look.folder.canonicalize().ok();
    let data =
        if same { String::new() } else { format!(" --data {}", shell(&look.folder.display().to_string())) };
    let task = shell(&out.display().to_string());
    let id = match first {
        Some(Ok(Sample { id, .. })) => shell(id),
        _ => "0".to_owned(),
    };
    format!(
        "next:\n  eyechart tasks show {task}{data} --sample {id}\n  eyechart run {task}{data} --limit 20 --model PROVIDER/NAME\n"
    )
}

/// Quotes an argument for a shell.
fn shell(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "._-/+:@%,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}
