//! `--control shuffle-options`: the options of each question in other orders.

use std::path::{Path, PathBuf};

use crate::common::{Place, RunFiles, bodies, endpoint, eyechart, rule, run_at, stderr, stdout};
use eyechart::rehearse::{Rule, Server};
use serde_json::{Value, json};

const SHUFFLE: [&str; 2] = ["--control", "shuffle-options"];
const COLOURS: [&str; 4] = ["red", "blue", "green", "black"];

/// Questions about colours whose right option is red, the `index % 4`th one in the data.
fn questions(place: &Place, count: usize, dataset: &str, prompt: &str) -> PathBuf {
    let row = |index: usize| {
        let mut options = COLOURS.to_vec();
        options.rotate_right(index % 4);
        let label = ["A", "B", "C", "D"][index % 4];
        json!({"id": format!("q-{index}"), "q": format!("Question {index}"), "o": options, "l": label,
            "A": options[0], "B": options[1], "C": options[2], "D": options[3]})
    };
    place.write_jsonl("q.jsonl", &(0..count).map(row).collect::<Vec<_>>());
    place.write(
        "q.toml",
        format!(
            "name = \"q\"\n[dataset]\nfile = \"q.jsonl\"\nid = \"id\"\nchoices = {{ options = {dataset}, label = \"l\" }}\n\
             [prompt]\ntext = '''{prompt}'''\n[generation]\ntemperature = 0\n[[score]]\nscorer = \"choice\"\n"
        ),
    )
}

const LIST: &str = "\"o\"";
const LETTERED: &str = "{{ q }}\n{% for option in o %}{{ 'ABCD'[loop.index0] }}. {{ option }}\n{% endfor %}";

/// Answers that find red in the prompt.
fn reads_the_options() -> Vec<Rule> {
    ["A", "B", "C", "D"]
        .map(|letter| rule(json!({"prompt": format!("{letter}. red"), "answer": letter})))
        .to_vec()
}

fn run(server: &Server, place: &Place, task: &Path, arguments: &[&str]) -> RunFiles {
    run_at(server, place, task).args(SHUFFLE).args(arguments).assert().code(0);
    place.run()
}

fn figure(run: &RunFiles, id: &str) -> f64 {
    let results = run.json("results.json");
    let figure = results["figures"].as_array().unwrap().iter().find(|figure| figure["id"] == id);
    figure.unwrap_or_else(|| panic!("{id}"))["value"].as_f64().unwrap()
}

/// The results of the run and the tables.
fn scored(run: &RunFiles) -> (Value, String) {
    let output = eyechart().arg("score").arg(run.path()).assert().code(0).get_output().clone();
    (run.json("results.json"), stdout(&output))
}

#[test]
fn each_epoch_has_an_order_of_its_own_that_the_record_and_the_prompt_have() {
    let place = Place::new();
    let server = endpoint(reads_the_options());
    let task = questions(&place, 8, LIST, LETTERED);
    let run = run(&server, &place, &task, &["--epochs", "3"]);
    let data: Vec<Value> = std::fs::read_to_string(place.path("q.jsonl"))
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let samples = run.samples();
    assert_eq!(samples.len(), 24);
    for sample in &samples {
        let row = &data[usize::try_from(sample["row"].as_u64().unwrap()).unwrap()];
        let order: Vec<usize> = serde_json::from_value(sample["choices"]["order"].clone()).unwrap();
        let options: Vec<&Value> = order.iter().map(|option| &row["o"][*option]).collect();
        assert_eq!(sample["choices"]["options"], json!(options));
        let red = options.iter().position(|option| *option == "red").unwrap();
        assert_eq!(sample["choices"]["label"], ["A", "B", "C", "D"][red]);
        let prompt = sample["prompt"].as_str().unwrap();
        let listed = |(option, letter): (&&Value, char)| format!("{letter}. {}\n", option.as_str().unwrap());
        let listed: String = options.iter().zip('A'..).map(listed).collect();
        assert!(prompt.ends_with(&listed), "{prompt}");
    }
    for epochs in samples.chunks(3) {
        let orders: Vec<String> =
            epochs.iter().map(|sample| sample["choices"]["order"].to_string()).collect();
        assert!(orders[0] != orders[1] && orders[1] != orders[2] && orders[0] != orders[2], "{orders:?}");
    }
    eyechart().arg("check").arg(run.path()).assert().code(0);
}

#[test]
fn a_model_that_reads_the_options_is_right_and_consistent_in_any_order() {
    let place = Place::new();
    let server = endpoint(reads_the_options());
    let task = questions(&place, 12, LIST, LETTERED);
    let run = run(&server, &place, &task, &["--epochs", "4"]);
    let (results, shown) = scored(&run);
    assert_eq!((figure(&run, "choice.accuracy"), figure(&run, "choice.consistency")), (1.0, 1.0));
    for position in results["positions"][0]["positions"].as_array().unwrap() {
        assert_eq!(position["picked"], position["right"]);
    }
    assert!(shown.contains("custom/m (shuffled options)"), "{shown}");
    assert!(shown.contains("Rows marked (shuffled options) are controls"), "{shown}");
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas/results.schema.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    assert!(jsonschema::is_valid(&schema, &results), "{:?}", jsonschema::validate(&schema, &results).err());
    eyechart().arg("check").arg(run.path()).assert().code(0);
}

#[test]
fn a_model_that_always_picks_the_first_position_is_found_out() {
    let place = Place::new();
    let server = endpoint(vec![rule(json!({"answer": "A"}))]);
    let task = questions(&place, 40, LIST, LETTERED);
    let run = run(&server, &place, &task, &["--epochs", "4"]);
    let (results, shown) = scored(&run);
    let positions = &results["positions"][0];
    assert_eq!((&positions["n"], &positions["positions"][0]["position"]), (&json!(160), &json!("A")));
    assert_eq!(positions["positions"][0]["picked"], 1.0);
    assert_eq!(positions["positions"].as_array().unwrap().len(), 4);
    assert!(positions["positions"].as_array().unwrap()[1..].iter().all(|position| position["picked"] == 0.0));
    let consistency = figure(&run, "choice.consistency");
    assert!(consistency < 0.4, "the option meant is another one in each order: {consistency}");
    assert!((0.1..0.4).contains(&figure(&run, "choice.accuracy")));
    assert!(shown.contains("Picks by position in %") && shown.contains("right options"), "{shown}");
}

#[test]
fn options_in_columns_and_the_variable_of_the_template_have_the_new_order() {
    let place = Place::new();
    let columns = "[\"A\", \"B\", \"C\", \"D\"]";
    let prompts = [
        "{{ q }}\nA. {{ A }}\nB. {{ B }}\nC. {{ C }}\nD. {{ D }}\n",
        "{{ q }}\n{% for option in choices %}{{ 'ABCD'[loop.index0] }}. {{ option }}\n{% endfor %}",
    ];
    for (dataset, prompt) in [(columns, prompts[0]), (columns, prompts[1]), (LIST, prompts[1])] {
        let server = endpoint(reads_the_options());
        let task = questions(&place, 6, dataset, prompt);
        let run = run(&server, &place, &task, &["--epochs", "2"]);
        scored(&run);
        assert_eq!(figure(&run, "choice.accuracy"), 1.0, "{dataset} {prompt}");
        std::fs::remove_dir_all(place.runs()).unwrap();
    }
}

#[test]
fn the_orders_depend_on_the_seed_and_not_on_other_samples_or_the_number_of_epochs() {
    let place = Place::new();
    let orders = |arguments: &[&str]| {
        let server = endpoint(vec![rule(json!({"answer": "A"}))]);
        let task = questions(&place, 10, LIST, LETTERED);
        let run = run(&server, &place, &task, arguments);
        let samples = run.samples();
        let order = |sample: &Value| {
            (
                sample["id"].to_string(),
                sample["epoch"].as_u64().unwrap(),
                sample["choices"]["order"].to_string(),
            )
        };
        let orders: Vec<_> = samples.iter().map(order).collect();
        std::fs::remove_dir_all(place.runs()).unwrap();
        orders
    };
    let whole = orders(&["--epochs", "3", "--seed", "7"]);
    let part = orders(&["--epochs", "2", "--seed", "7", "--limit", "4"]);
    assert_eq!(part.len(), 8);
    assert!(part.iter().all(|order| whole.contains(order)), "{part:?} {whole:?}");
    assert_eq!(orders(&["--seed", "7"]).len(), 10, "without --epochs there is one order");
    assert_ne!(whole, orders(&["--epochs", "3", "--seed", "8"]));
}

#[test]
fn a_resumed_run_goes_on_with_its_orders() {
    let place = Place::new();
    let server = endpoint(vec![
        rule(json!({"prompt": "Question 2\n", "status": 400, "times": 1})),
        rule(json!({"answer": "A"})),
    ]);
    let task = questions(&place, 4, LIST, LETTERED);
    run_at(&server, &place, &task).args(SHUFFLE).args(["--epochs", "2"]).assert().code(1);
    let run = place.run();
    let failed = run.samples().into_iter().find(|sample| sample["status"] == "failed").unwrap();
    eyechart().arg("run").arg("--resume").arg(run.path()).arg("--no-score").assert().code(0);
    let again = run
        .samples()
        .into_iter()
        .find(|sample| sample["id"] == failed["id"] && sample["epoch"] == failed["epoch"])
        .unwrap();
    assert_eq!((&again["status"], &again["prompt"]), (&json!("completed"), &failed["prompt"]));
    assert_eq!(bodies(&server).len(), 9);
}

#[test]
fn columns_that_another_task_file_scores_are_read_in_the_order_that_was_sent() {
    let place = Place::new();
    let server = endpoint(reads_the_options());
    let task = questions(&place, 6, LIST, LETTERED);
    let run = run(&server, &place, &task, &["--epochs", "2"]);
    let text = std::fs::read_to_string(&task).unwrap();
    let letters = "scorer = \"exact_match\"\ntarget = \"l\"";
    let other = place.write("other.toml", text.replace("scorer = \"choice\"", letters));
    eyechart().arg("score").arg(run.path()).arg("--task").arg(other).assert().code(0);
    assert_eq!(figure(&run, "exact_match.accuracy"), 1.0);
}

#[test]
fn options_that_cannot_be_put_in_another_order_are_refused() {
    let place = Place::new();
    let server = endpoint(Vec::new());
    let in_text = questions(&place, 2, "\"in_text\"", "{{ q }} A. red B. blue");
    let said = stderr(run_at(&server, &place, &in_text).args(SHUFFLE).assert().code(2).get_output());
    assert!(
        said.contains("shuffle-options") && said.contains("in_text") && said.contains("leave --control out"),
        "{said}"
    );
    let texts = place.texts(2);
    let said = stderr(run_at(&server, &place, &texts).args(SHUFFLE).assert().code(2).get_output());
    assert!(said.contains("shuffle-options: the task texts has no options"), "{said}");
    let task = questions(&place, 2, LIST, LETTERED);
    let outputs = place.write_jsonl("outputs.jsonl", &[json!({"id": "q-0", "output": "A"})]);
    let mut recorded = eyechart();
    recorded.arg("run").arg(task).arg("--outputs").arg(outputs).args(SHUFFLE).arg("--out").arg(place.runs());
    let said = stderr(recorded.assert().code(2).get_output());
    assert!(said.contains("a control asks the model again"), "{said}");
    assert_eq!(server.stats().requests, 0);
}

/// Questions whose template shows `options` where the column `shown` is not empty.
fn shown_options(place: &Place, shown: &[&str], options: &[&str]) -> PathBuf {
    let row = |(index, shown): (usize, &&str)| json!({"id": format!("q-{index}"), "shown": shown, "o": options, "l": options[0]});
    place.write_jsonl("q.jsonl", &shown.iter().enumerate().map(row).collect::<Vec<_>>());
    place.write(
        "q.toml",
        "name = \"q\"\n[dataset]\nfile = \"q.jsonl\"\nid = \"id\"\nchoices = { options = \"o\", label = \"l\" }\n\
         [prompt]\ntext = '''What? A. red B. blue{% if shown %}{{ choices | join(' ') }}{% endif %}'''\n\
         [generation]\ntemperature = 0\n[[score]]\nscorer = \"choice\"\n",
    )
}

#[test]
fn a_prompt_that_does_not_change_with_the_order_of_the_options_is_refused() {
    let place = Place::new();
    let server = endpoint(vec![rule(json!({"answer": "A"}))]);
    let task = shown_options(&place, &["", "", ""], &["red", "blue"]);
    for arguments in [&["--epochs", "3"][..], &["--dry-run"]] {
        let mut command = run_at(&server, &place, &task);
        let said = stderr(command.args(SHUFFLE).args(arguments).assert().code(2).get_output());
        assert!(said.contains("the prompt of the task q does not change with the order"), "{said}");
    }
    assert_eq!(server.stats().requests, 0);
    run_at(&server, &place, &task).assert().code(0);
}

#[test]
fn a_sample_whose_prompt_hides_the_order_fails_in_every_epoch_and_one_with_equal_options_does_not() {
    let place = Place::new();
    let server = endpoint(vec![rule(json!({"answer": "A"}))]);
    let task = shown_options(&place, &["yes", "", "yes"], &["red", "blue"]);
    run_at(&server, &place, &task).args(SHUFFLE).args(["--epochs", "4"]).assert().code(1);
    let run = place.run();
    let failed: Vec<Value> =
        run.samples().into_iter().filter(|sample| sample["status"] == "failed").collect();
    assert_eq!(failed.len(), 4);
    for sample in failed {
        assert_eq!(sample["id"], "q-1");
        let reason = sample["error"]["message"].as_str().unwrap();
        assert!(reason.contains("does not change with the order of the options"), "{reason}");
    }
    let place = Place::new();
    let equal = shown_options(&place, &["", ""], &["red", "red"]);
    run_at(&server, &place, &equal).args(SHUFFLE).args(["--epochs", "2"]).assert().code(0);
}

#[test]
fn labels_of_people_in_a_column_follow_the_order_that_was_sent() {
    let place = Place::new();
    let server = endpoint(reads_the_options());
    let task = questions(&place, 12, LIST, LETTERED);
    let run = run(&server, &place, &task, &["--epochs", "3"]);
    scored(&run);
    let mut command = eyechart();
    command.arg("agreement").arg(run.path()).args(["--labels", "l", "--format", "json"]);
    let found: Value = serde_json::from_str(&stdout(command.assert().code(0).get_output())).unwrap();
    let labels = &found["labels"];
    assert_eq!((&labels["source"], &labels["labelled"]), (&json!("data"), &json!(36)));
    assert_eq!(labels["entries"][0]["accuracy"]["value"], 1.0, "{labels}");
}

#[test]
fn only_answers_of_a_scorer_of_options_are_positions() {
    let place = Place::new();
    let server = endpoint(vec![rule(json!({"answer": "A"}))]);
    let task = questions(&place, 12, LIST, LETTERED);
    let text = std::fs::read_to_string(&task).unwrap();
    let grade = "\n[[score]]\nscorer = \"exact_match\"\ntarget = \"q\"\nextract = \"final_answer\"\n";
    place.write("q.toml", text + grade);
    let run = run(&server, &place, &task, &["--epochs", "4"]);
    let (results, _) = scored(&run);
    assert_eq!(figure(&run, "exact_match.consistency"), 1.0, "the text A is the same in each epoch");
    assert!(figure(&run, "choice.consistency") < 0.4);
    let positions = results["positions"].as_array().unwrap();
    assert_eq!((positions.len(), &positions[0]["name"]), (1, &json!("choice")));
    assert_eq!(positions[0]["level"], 0.95);
}
