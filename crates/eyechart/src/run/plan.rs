//! The plan of a run: from a task and its options to the spec, which is frozen before the first request.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::RunError;
use super::control::refuse_control;
use super::outputs::Outputs;
use crate::scorer::Scorer;
use crate::task::{DataAccess, LoadedTask, Survey, TaskData};
use crate::text::{counted, now};
use crate::types::{
    Answers, CommandRecord, Control, DataFile, DataSpec, Endpoint, Epoch, EvalSpec, Execution,
    ImagesOverride, ImagesSpec, InvalidKey, PickedSample, Price, Progress, Task,
};

/// The settings of a run besides its task.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The model's name, `provider/name`.
    pub model: String,
    /// A text that tells the run from other runs of the same model.
    pub label: Option<String>,
    /// The change of what is sent, if the run is a control.
    pub control: Option<Control>,
    /// Where the answers come from.
    pub answers: AnswersFrom,
    /// Where the data may be taken from.
    pub data: DataAccess,
    /// Number of samples to pick. If absent, the number of the task, or all samples.
    pub limit: Option<usize>,
    /// How often each sample is asked. If absent, as often as the outputs have answers, else once.
    pub epochs: Option<Epoch>,
    /// Determines which samples are picked.
    pub seed: u64,
    /// Changes of the task's `[images]`.
    pub images: ImagesOverride,
    /// How requests are sent.
    pub execution: Execution,
    /// The price of the model's tokens, if it is known.
    pub price: Option<Price>,
}

/// Where the answers come from.
#[derive(Debug, Clone)]
pub enum AnswersFrom {
    /// An endpoint. Its `params` take precedence over the generation settings of the task.
    Endpoint {
        /// The endpoint.
        endpoint: Box<Endpoint>,
        /// Request fields that are not sent.
        dropped: Vec<String>,
    },
    /// A dataset column.
    Column(String),
    /// A file of outputs that another tool made.
    Outputs(PathBuf),
}

/// The plan of a run.
pub struct Plan {
    /// The spec, which does not change after the first request.
    pub spec: EvalSpec,
    /// The task, with the options applied to its `[images]`.
    pub task: Task,
    /// The rows of the task.
    pub dataset: TaskData,
    /// The folder of the task file; absent if the task is not from a file of this machine.
    pub task_folder: Option<PathBuf>,
    /// The file of outputs, if the answers come from one.
    pub(crate) outputs: Option<Arc<Outputs>>,
    /// Notices for the user before the run starts, one line each.
    pub notices: Vec<String>,
}

impl Plan {
    /// Takes the place of the pictures from the resumed run. Its task file may not have the key `place`, whose default
    /// depends on the version that made the run.
    pub fn continue_as(&mut self, recorded: &EvalSpec) {
        if let (Some(images), Some(place)) = (&mut self.task.images, recorded.place) {
            images.place = Some(place);
            self.spec.place = Some(place);
            self.dataset.place_pictures(place);
        }
    }
}

/// Plans a run: finds and surveys the data, picks the samples, freezes the spec. Fetches the data that reading the rows
/// needs. Sends no request to the model, and writes only caches.
///
/// # Errors
/// [`RunError::Config`] or [`RunError::Data`], with what to do about it.
pub fn plan(loaded: &LoadedTask, options: &RunOptions, progress: &dyn Progress) -> Result<Plan, RunError> {
    if let Some(control) = options.control {
        refuse_control(control, &loaded.task, &options.answers)?;
    }
    options.epochs.map_or(Ok(()), |epochs| refuse_epochs(epochs, &options.answers))?;
    let dataset = TaskData::find(loaded, &options.data, progress)?;
    let mut dataset = match &options.answers {
        AnswersFrom::Endpoint { .. } => dataset,
        AnswersFrom::Column(column) => dataset.recorded(Some(column)),
        AnswersFrom::Outputs(_) => dataset.recorded(None),
    };
    if options.control == Some(Control::ShuffleOptions) {
        dataset.draw_option_orders(options.seed);
    }
    let task = with_images(loaded.task.clone(), options.images)?;
    let outputs = match &options.answers {
        AnswersFrom::Outputs(path) => Some(Arc::new(Outputs::read(path)?)),
        _ => None,
    };
    let survey = dataset.survey()?;
    let mut notices = dataset.notices()?;
    notices.extend(notices_of(&survey, &task));
    if task.images.is_none() && !options.images.is_empty() {
        notices.push(format!("the task {} sends no pictures: --image-… changes nothing", task.name));
    }
    let picked = pick(&dataset, &survey, loaded, (options, outputs.as_deref()), &mut notices)?;
    if picked.is_empty() {
        return Err(RunError::Config(nothing_to_ask(loaded, &survey)));
    }
    notices.extend(dataset.target_note(&picked)?);
    let in_outputs = || outputs.as_ref().map_or(1, |outputs| outputs.last_epoch());
    let epochs = options.epochs.unwrap_or_else(in_outputs);
    if let Some(outputs) = &outputs {
        notices.extend(outputs.notices(&picked, epochs));
    }
    let spec = EvalSpec {
        format: EvalSpec::FORMAT.to_owned(),
        eyechart: env!("CARGO_PKG_VERSION").to_owned(),
        created: now().to_string(),
        task: loaded.source.clone(),
        model: options.model.clone(),
        label: options.label.clone(),
        control: options.control,
        answers: answers(&task, &options.answers, outputs.as_deref())?,
        price: options.price.clone(),
        place: task.images.as_ref().map(ImagesSpec::place),
        images: options.images,
        data: data_spec(&mut dataset, &survey)?,
        seed: options.seed,
        limit: options.limit,
        epochs,
        picked,
        commands: commands(loaded, &mut notices),
        execution: options.execution,
    };
    refuse_unwritable_paths(&spec)?;
    Ok(Plan { spec, task, dataset, task_folder: loaded.folder.clone(), outputs, notices })
}

/// Refuses a number of epochs that no run, or no run with these answers, can have.
fn refuse_epochs(epochs: Epoch, answers: &AnswersFrom) -> Result<(), RunError> {
    let reason = match answers {
        _ if !(1..=EvalSpec::MOST_EPOCHS).contains(&epochs) => {
            format!("expected 1 to {}", EvalSpec::MOST_EPOCHS)
        }
        AnswersFrom::Column(column) if epochs > 1 => {
            format!("the column of recorded/{column} has one answer to each sample: leave --epochs out")
        }
        _ => return Ok(()),
    };
    Err(RunError::Config(format!("--epochs {epochs}: {reason}")))
}

/// Refuses paths that no record can have, before a folder is made for it.
fn refuse_unwritable_paths(spec: &EvalSpec) -> Result<(), RunError> {
    let outputs = match &spec.answers {
        Answers::Outputs(file) => Some(&file.path),
        _ => None,
    };
    let paths = spec.data.files.iter().map(|file| &file.path).chain([&spec.data.folder]).chain(outputs);
    match paths.into_iter().find(|path| path.to_str().is_none()) {
        Some(path) => Err(RunError::Config(format!(
            "{}: the path is not UTF-8, and the record must name it: rename the folder or the file",
            path.display()
        ))),
        None => Ok(()),
    }
}

/// The programs of the task's scorers, each command once. Starts none of them.
fn commands(loaded: &LoadedTask, notices: &mut Vec<String>) -> Vec<CommandRecord> {
    let folder = loaded.folder.as_deref();
    let scorers = loaded.task.score.iter().filter_map(|entry| Scorer::new(entry).ok());
    let mut commands: Vec<CommandRecord> = Vec::new();
    for scorer in scorers {
        let Some(program) = scorer.program() else { continue };
        if commands.iter().all(|known| known.argv != program.argv()) {
            let problem = program.problem(folder);
            notices.extend(problem.map(|problem| format!("[[score]] {}: {problem}", scorer.entry().name())));
            commands.push(program.record(folder));
        }
    }
    commands
}

/// The task, with `over` applied to its `[images]`.
///
/// # Errors
/// [`RunError::Config`] if the result contradicts itself.
pub fn with_images(task: Task, over: ImagesOverride) -> Result<Task, RunError> {
    let images = task.images.map(|images| over.apply(images));
    if let Some(images) = &images {
        let wrong = |InvalidKey { key, reason }| {
            RunError::Config(format!("the task {}: its pictures' {key}: {reason}", task.name))
        };
        images.check().map_err(wrong)?;
    }
    Ok(Task { images, ..task })
}

fn pick(
    dataset: &TaskData,
    survey: &Survey,
    loaded: &LoadedTask,
    (options, outputs): (&RunOptions, Option<&Outputs>),
    notices: &mut Vec<String>,
) -> Result<Vec<PickedSample>, RunError> {
    let eligible = survey.eligible.count();
    let own = loaded.task.dataset.sample_size;
    // The outputs determine the samples if they were made for another draw.
    if let (Some(outputs), None, true) =
        (outputs, options.limit, own.is_some_and(|own| (own as u64) < eligible))
    {
        let all = dataset.pick(&survey.eligible, usize::MAX, options.seed, notices)?;
        let named: HashSet<&str> = outputs.ids().collect();
        return Ok(all.into_iter().filter(|picked| named.contains(picked.id.as_str())).collect());
    }
    if let Some(limit) = options.limit.filter(|limit| *limit as u64 > eligible) {
        notices.push(format!("--limit {limit} exceeds the {}: all are asked", counted(eligible, "sample")));
    }
    let limit = options.limit.or(own).unwrap_or(usize::MAX);
    Ok(dataset.pick(&survey.eligible, limit, options.seed, notices)?)
}

fn notices_of(survey: &Survey, task: &Task) -> Vec<String> {
    let mut notices: Vec<String> = survey.bad.iter().map(|bad| format!("bad row left out: {bad}")).collect();
    let more = survey.bad_rows - survey.bad.len() as u64;
    if more > 0 {
        notices.push(format!("{} more left out", counted(more, "bad row")));
    }
    if survey.unresolved_labels > 0 {
        let has_form = task.dataset.choices.as_ref().is_some_and(|choices| choices.form.is_some());
        let hint = if has_form {
            ""
        } else {
            "; for labels that are positions, write form = \"position\" in `choices`"
        };
        notices.push(format!(
            "{} with a label that matches none of the options{hint}",
            counted(survey.unresolved_labels, "row")
        ));
    }
    if let Some(label) = &survey.ambiguous_label {
        notices.push(format!(
            "{} with a label that is the letter of one option and the text of another, such as {label}: read as the text; \
             write form = \"letter\" or form = \"text\" in `choices`",
            counted(survey.ambiguous_labels, "row")
        ));
    }
    notices
}

fn nothing_to_ask(loaded: &LoadedTask, survey: &Survey) -> String {
    let spec = &loaded.task.dataset;
    let required = match spec.require.as_slice() {
        [] => String::new(),
        columns => format!(" (each needs {})", columns.join(", ")),
    };
    let reasons: String = survey.bad.iter().map(|bad| format!("\n  {bad}")).collect();
    format!(
        "the task {} has nothing to ask: {} in {}, {} of them bad, {} usable{required}{reasons}",
        loaded.task.name,
        counted(survey.rows, "row"),
        spec.file,
        survey.bad_rows,
        survey.eligible.count()
    )
}

fn answers(task: &Task, from: &AnswersFrom, outputs: Option<&Outputs>) -> Result<Answers, RunError> {
    Ok(match from {
        AnswersFrom::Endpoint { endpoint, dropped } => {
            let params = request_fields(&task.generation, &endpoint.params, dropped)?;
            let keeps_reasoning = keeps_reasoning(task, endpoint, dropped)?;
            Answers::Endpoint(Endpoint { params, keeps_reasoning, ..(**endpoint).clone() })
        }
        AnswersFrom::Column(column) => Answers::Column(column.clone()),
        AnswersFrom::Outputs(path) => {
            let file = outputs.map(Outputs::file).cloned();
            Answers::Outputs(file.unwrap_or(DataFile { path: path.clone(), bytes: 0, sha256: String::new() }))
        }
    })
}

/// The request fields of a run: those of the task and those `given`, which take precedence, without `dropped`.
///
/// # Errors
/// [`RunError::Config`] for a field that cannot be sent.
pub fn request_fields(
    task: &Map<String, Value>,
    given: &Map<String, Value>,
    dropped: &[String],
) -> Result<Map<String, Value>, RunError> {
    let mut fields = task.clone();
    fields.extend(given.iter().map(|(key, value)| (key.clone(), value.clone())));
    fields.retain(|key, _| !dropped.contains(key) && key != Task::KEEP_REASONING);
    if fields.get("stream").is_some_and(|stream| *stream != Value::Bool(false)) {
        return Err(RunError::Config("--param stream: streamed replies are not supported".to_owned()));
    }
    Ok(fields)
}

/// Whether reasoning stays in the text: by `--param`, else by the task. A resumed run has it in its endpoint.
fn keeps_reasoning(task: &Task, endpoint: &Endpoint, dropped: &[String]) -> Result<bool, RunError> {
    let key = Task::KEEP_REASONING;
    match endpoint.params.get(key) {
        Some(Value::Bool(given)) => Ok(*given),
        Some(given) => Err(RunError::Config(format!("--param {key}={given}: expected true or false"))),
        None => {
            let is_dropped = dropped.iter().any(|dropped| dropped == key);
            Ok(endpoint.keeps_reasoning || (task.keeps_reasoning() && !is_dropped))
        }
    }
}

fn data_spec(dataset: &mut TaskData, survey: &Survey) -> Result<DataSpec, RunError> {
    let files = dataset.fingerprint()?;
    let folder = dataset.folder();
    Ok(DataSpec {
        folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
        origin: dataset.origin().cloned(),
        files,
        rows: survey.rows,
        eligible: survey.eligible.count(),
        bad_rows: survey.bad_rows,
        unresolved_labels: survey.unresolved_labels,
    })
}
