//! From a task to a figure with the library: asks an endpoint about each picture and scores the answers.
//!
//! The endpoint is the built-in one with the demo's answers, so the example needs no network and no key.
#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::path::PathBuf;

use eyechart::rehearse::{Options, Script, Server};
use eyechart::run::Settings;
use eyechart::score::Scoring;
use eyechart::scorer::Tools;
use eyechart::task::LoadedTask;
use eyechart::types::Silent;

/// The text of a task file. Its data is in the folder that `LoadedTask::parse` is given.
const TASK: &str = r#"
    name = "charts"
    [dataset]
    file = "charts.jsonl"
    id = "id"
    choices = { options = "options", label = "label" }
    [prompt]
    text = "{{ question }} {{ options | join(', ') }}"
    [images]
    column = "image"
    [[score]]
    scorer = "choice"
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let out = std::env::args().nth(1).map_or_else(|| PathBuf::from("runs/example"), PathBuf::from);
    let data = eyechart::demo::unpack(&out.join("data"))?;
    let script = Script::load(&data.join(eyechart::demo::ANSWERS))?;
    let server = Server::start(Options { script, ..Options::default() })?;

    let task = LoadedTask::parse("charts.toml", TASK.to_owned(), Some(data))?;
    let settings = Settings {
        model: Some("demo/large".to_owned()),
        base_url: Some(server.url()),
        out: Some(out),
        ..Settings::default()
    };
    let run = settings.plan(&task, &Silent)?.run()?;
    let scored = Scoring::new(&run, None)?.score(&Tools::default())?;
    for figure in &scored.results.figures {
        let Some(value) = figure.value else { continue };
        let ends = figure.low.zip(figure.high);
        let interval = ends.map_or_else(String::new, |(low, high)| format!(" [{low:.3}, {high:.3}]"));
        println!("{:<18} {value:.3}{interval} over {} answers", figure.id, figure.n);
    }
    Ok(())
}
