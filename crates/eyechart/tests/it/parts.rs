//! The parts of a request: texts and pictures in their order, the system message, examples, markers.

use std::path::{Path, PathBuf};

use crate::common::{CHARTS, Place, bodies, endpoint, eyechart, jpeg, rule, run_at, stderr, stdout};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eyechart::rehearse::Server;
use serde_json::{Value, json};

/// A content in short: texts as they are, the picture of `jpeg(N, …)` as `[N]`, divided by `|`.
fn content(content: &Value) -> String {
    let Some(parts) = content.as_array() else { return content.as_str().unwrap().to_owned() };
    let shown = parts.iter().map(|part| match part["image_url"]["url"].as_str() {
        Some(url) => format!("[{}]", number_of(url)),
        None => part["text"].as_str().unwrap().to_owned(),
    });
    shown.collect::<Vec<_>>().join("|")
}

/// The number that `jpeg` wrote into the picture's comment.
fn number_of(url: &str) -> char {
    let (_, data) = url.split_once(";base64,").unwrap();
    char::from(STANDARD.decode(data).unwrap()[6])
}

/// The messages of each request as `role: content`, by the order of their texts.
fn sent(server: &Server) -> Vec<Vec<String>> {
    let message =
        |message: &Value| format!("{}: {}", message["role"].as_str().unwrap(), content(&message["content"]));
    let messages = |body: &Value| body["messages"].as_array().unwrap().iter().map(message).collect();
    let mut sent: Vec<Vec<String>> = bodies(server).iter().map(messages).collect();
    sent.sort();
    sent
}

/// The content of each request's only message.
fn questions(server: &Server) -> Vec<String> {
    let only = |messages: Vec<String>| {
        assert_eq!(messages.len(), 1);
        messages[0].strip_prefix("user: ").unwrap().to_owned()
    };
    sent(server).into_iter().map(only).collect()
}

/// `charts.toml` with `keys` in its `[images]`, over two rows with a picture each.
fn charts(place: &Place, keys: &str) -> PathBuf {
    place.charts(2);
    place.write("charts.toml", CHARTS.replace("column = \"image\"", &format!("column = \"image\"\n{keys}")))
}

/// A task over these rows with pictures `images/1.jpg` to `images/9.jpg`.
fn pairs(place: &Place, (prompt, images): (&str, &str), rows: &[Value]) -> PathBuf {
    (1..10).for_each(|number| drop(place.write(&format!("images/{number}.jpg"), jpeg(number, 1_000))));
    place.write_jsonl("pairs.jsonl", rows);
    let task = format!(
        "name = \"pairs\"\n[dataset]\nfile = \"pairs.jsonl\"\nid = \"id\"\n[prompt]\n{prompt}\n[images]\n{images}\n"
    );
    place.write("pairs.toml", task)
}

fn picture(number: usize) -> String {
    format!("images/{number}.jpg")
}

#[test]
fn pictures_are_sent_before_the_text_and_a_file_that_does_not_say_so_gets_one_note() {
    let place = Place::new();
    let server = endpoint(Vec::new());
    let task = charts(&place, "");
    let output = run_at(&server, &place, &task).assert().code(0).get_output().clone();
    assert_eq!(questions(&server), ["[0]|What is shown in chart 0?", "[1]|What is shown in chart 1?"]);
    let notes: Vec<String> =
        stderr(&output).lines().filter(|line| line.contains("place = ")).map(str::to_owned).collect();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("place = \"before\"") && notes[0].contains("place = \"after\""), "{notes:?}");
    let spec = place.run().json("spec.json");
    assert_eq!((&spec["format"], &spec["place"]), (&json!("eyechart.spec/2"), &json!("before")));
}

#[test]
fn place_after_sends_them_after_the_text_and_needs_no_note() {
    let place = Place::new();
    let server = endpoint(Vec::new());
    let output = run_at(&server, &place, &charts(&place, "place = \"after\"")).assert().code(0);
    assert_eq!(questions(&server), ["What is shown in chart 0?|[0]", "What is shown in chart 1?|[1]"]);
    let said = stderr(output.get_output());
    assert!(!said.contains("place"), "{said}");
    assert_eq!(place.run().json("spec.json")["place"], "after");
}

#[test]
fn columns_are_sent_in_their_order_and_empty_ones_are_skipped() {
    let place = Place::new();
    let server = endpoint(Vec::new());
    let rows = [
        json!({"id": "a", "q": "A?", "left": picture(1), "right": picture(2)}),
        json!({"id": "b", "q": "B?", "left": "", "right": picture(3)}),
        json!({"id": "c", "q": "C?", "left": null, "right": ""}),
    ];
    let images = "columns = [\"left\", \"right\"]\nplace = \"after\"";
    let task = pairs(&place, ("text = \"{{ q }}\"", images), &rows);
    run_at(&server, &place, &task).assert().code(1);
    assert_eq!(questions(&server), ["A?|[1]|[2]", "B?|[3]"]);
    let error = place.run().sample("c")["error"].clone();
    assert_eq!(error["kind"], "image");
    assert!(error["message"].as_str().unwrap().contains("\"left\", \"right\""), "{error}");
}

#[test]
fn markers_are_replaced_by_the_pictures_of_their_numbers() {
    let place = Place::new();
    let server = endpoint(Vec::new());
    let rows = [
        json!({"id": "a", "q": "A: is <image 2> in <image 1>, and <image 2>?", "x": picture(1), "y": picture(2)}),
        json!({"id": "b", "q": "B: <image 2>\n", "x": "", "y": picture(3)}),
    ];
    let images = "columns = [\"x\", \"y\"]\nplace = \"markers\"";
    let task = pairs(&place, ("text = \"{{ q }} Answer.\"", images), &rows);
    run_at(&server, &place, &task).assert().code(0);
    assert_eq!(questions(&server), ["A: is |[2]| in |[1]|, and |[2]|? Answer.", "B: |[3]|\n Answer."]);
    let sample = place.run().sample("a");
    assert_eq!(sample["prompt"], "A: is <image 2> in <image 1>, and <image 2>? Answer.");
    let sources = sample["images"].as_array().unwrap().iter();
    let sources: Vec<_> = sources.map(|image| image["source"].as_str().unwrap().to_owned()).collect();
    assert!([2, 1, 2].iter().zip(&sources).all(|(number, source)| source.ends_with(&picture(*number))));
    assert_eq!(place.run().json("spec.json")["place"], "markers");
}

#[test]
fn the_number_of_a_marker_is_the_position_in_a_list_with_its_empty_items() {
    let place = Place::new();
    let server = endpoint(Vec::new());
    let rows = [json!({"id": "a", "q": "Fig. 3, not Fig. 1?", "x": [picture(4), null, picture(5), ""]})];
    let images = "column = \"x\"\nplace = \"markers\"\nmarker = \"Fig. {n}\"";
    run_at(&server, &place, &pairs(&place, ("text = \"{{ q }}\"", images), &rows)).assert().code(0);
    assert_eq!(questions(&server), ["[5]|, not |[4]|?"]);
}

#[test]
fn a_marker_without_a_picture_or_a_picture_without_a_marker_fails_its_sample_alone() {
    let place = Place::new();
    let server = endpoint(Vec::new());
    let row = |id: &str, q: &str, y: Value| json!({"id": id, "q": q, "x": picture(1), "y": y});
    let rows = [
        row("good", "<image 1>?", json!("")),
        row("missing", "<image 1> <image 2>?", json!("")),
        row("beyond", "<image 1> <image 3>?", json!("")),
        row("unnamed", "<image 1>?", json!(picture(2))),
        row("several", "<image 1> <image 2>?", json!([picture(2), picture(3)])),
    ];
    let images = "columns = [\"x\", \"y\"]\nplace = \"markers\"";
    let task = pairs(&place, ("text = \"{{ q }}\"", images), &rows);
    let listed = stdout(run_at(&server, &place, &task).arg("--dry-run").assert().code(1).get_output());
    run_at(&server, &place, &task).assert().code(1);
    assert_eq!(questions(&server), ["[1]|?"]);
    for (id, kind, reason) in [
        ("missing", "sample", "the marker \"<image 2>\", but no picture has this number"),
        ("beyond", "sample", "the marker \"<image 3>\""),
        ("unnamed", "sample", "there is a picture 2, but the prompt has no marker \"<image 2>\""),
        ("several", "image", "2 pictures in the column \"y\""),
    ] {
        let error = place.run().sample(id)["error"].clone();
        let message = error["message"].as_str().unwrap();
        assert_eq!(error["kind"], kind);
        assert!(message.contains(reason), "{message}");
        let listed = listed.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(listed.contains(message), "{listed}");
    }
}

const FEW_SHOT: &str = "system = \"You read {{ what }}.\"\ntext = \"{{ q }}\"\n\
    [[prompt.examples]]\nprompt = \"Which {{ one }}?\"\nimages = [\"images/8.jpg\"]\nanswer = \"Eight\"\n\
    [[prompt.examples]]\nprompt = \"1 + 1?\"\nanswer = \"2\"";

fn few_shot(place: &Place) -> PathBuf {
    let rows = [
        json!({"id": "a", "q": "A?", "what": "charts", "x": picture(1)}),
        json!({"id": "b", "q": "B?", "what": "maps", "x": picture(2)}),
    ];
    pairs(place, (FEW_SHOT, "column = \"x\"\nplace = \"before\""), &rows)
}

#[test]
fn the_system_message_and_the_examples_are_sent_before_the_question_and_recorded() {
    let place = Place::new();
    let server = endpoint(Vec::new());
    run_at(&server, &place, &few_shot(&place)).assert().code(0);
    let expected = |system: &str, question: &str| {
        let examples = ["user: [8]|Which {{ one }}?", "assistant: Eight", "user: 1 + 1?", "assistant: 2"];
        let all = [vec![system], examples.to_vec(), vec![question]].concat();
        all.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        sent(&server),
        [
            expected("system: You read charts.", "user: [1]|A?"),
            expected("system: You read maps.", "user: [2]|B?")
        ]
    );
    let sample = place.run().sample("b");
    assert_eq!((&sample["system"], &sample["prompt"]), (&json!("You read maps."), &json!("B?")));
    let lengths = ["example_images", "images"].map(|key| sample[key].as_array().unwrap().len());
    assert_eq!(lengths, [1, 1]);
    assert!(sample["example_images"][0]["source"].as_str().unwrap().ends_with("images/8.jpg"));
    let shown = stdout(eyechart().arg("show").arg(place.run().path()).assert().code(0).get_output());
    assert!(shown.contains("You read maps."), "{shown}");
}

#[test]
fn the_forecast_counts_system_message_and_examples() {
    let place = Place::new();
    let server = endpoint(Vec::new());
    let mut command = run_at(&server, &place, &few_shot(&place));
    let output = command.args(["--dry-run", "--format", "json"]).assert().code(0).get_output().clone();
    let forecast = serde_json::from_str::<Value>(&stdout(&output)).unwrap()[0]["forecast"].clone();
    let examples = "Which {{ one }}?Eight1 + 1?2A?".len();
    let characters = "You read charts.".len() + "You read maps.".len() + 2 * examples;
    assert_eq!(forecast["text_tokens"]["value"], (characters as f64 / 4.0).ceil());
    assert_eq!(forecast["pictures"]["value"], 4.0);
}

#[test]
fn the_preview_shows_the_parts_in_their_order() {
    let place = Place::new();
    let task = few_shot(&place);
    let output = eyechart().args(["tasks", "show"]).arg(task).args(["--sample", "a"]).assert().code(0);
    let body: Value = serde_json::from_str(&stdout(output.get_output())).unwrap();
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 6);
    for message in [&messages[1], &messages[5]] {
        let [image, text] = message["content"].as_array().unwrap().as_slice() else { panic!("{message}") };
        assert!(image["image_url"]["url"].as_str().unwrap().contains("bytes, "), "{image}");
        assert_eq!(text["type"], "text");
    }
}

#[test]
fn controls_keep_the_parts_and_take_or_exchange_the_pictures() {
    let place = Place::new();
    let rows = [
        json!({"id": "a", "q": "A <image 2> or <image 1>?", "x": picture(1), "y": picture(2)}),
        json!({"id": "b", "q": "B <image 2>?", "x": "", "y": picture(3)}),
    ];
    let prompt = "text = \"{{ q }}\"\n[[prompt.examples]]\nprompt = \"<image 1>!\"\nimages = [\"images/8.jpg\"]\nanswer = \"8\"";
    let task = pairs(&place, (prompt, "columns = [\"x\", \"y\"]\nplace = \"markers\""), &rows);
    let sent_with = |control: &str| {
        let server = endpoint(Vec::new());
        run_at(&server, &place, &task).args(["--control", control]).assert().code(0);
        sent(&server).iter().map(|messages| messages.join(" / ")).collect::<Vec<_>>()
    };
    assert_eq!(
        sent_with("no-images"),
        ["user: ! / assistant: 8 / user: A  or ?", "user: ! / assistant: 8 / user: B ?"]
    );
    assert_eq!(
        sent_with("shuffle-images"),
        [
            "user: [8]|! / assistant: 8 / user: A |[3]| or |[3]|?",
            "user: [8]|! / assistant: 8 / user: B |[1]|?"
        ]
    );
}

#[test]
fn an_answer_to_another_order_is_not_taken_from_the_cache() {
    let place = Place::new();
    let server = endpoint(Vec::new());
    let mut run = |keys: &str| {
        charts(&place, keys);
        let text = std::fs::read_to_string(place.path("charts.toml")).unwrap();
        let task = place.write("charts.toml", format!("{text}[generation]\ntemperature = 0\n"));
        let mut command = run_at(&server, &place, &task);
        command.arg("--cache").env("XDG_CACHE_HOME", place.path("cache")).assert().code(0);
        server.stats().requests
    };
    let requests = ["place = \"after\"", "place = \"before\"", "", "place = \"after\""].map(&mut run);
    assert_eq!(requests, [2, 4, 4, 4]);
}

#[test]
fn a_task_whose_parts_cannot_fit_is_refused_in_its_line() {
    let place = Place::new();
    let columns = "columns = [\"x\", \"y\"]\nplace = \"markers\"";
    let example = |keys: &str| format!("text = \"{{{{ q }}}}\"\n[[prompt.examples]]\n{keys}");
    let cases = [
        ("text = \"<image 3>?\"".to_owned(), columns, "`prompt.text` has the marker \"<image 3>\""),
        ("text = \"<image 0>?\"".to_owned(), "column = \"x\"\nplace = \"markers\"", "a position in the list"),
        ("text = \"?\"".to_owned(), "column = \"x\"\nmarker = \"<{n}>\"", "only with place = \"markers\""),
        (
            "text = \"?\"".to_owned(),
            "column = \"x\"\nplace = \"markers\"\nmarker = \"<image>\"",
            "has no {n}",
        ),
        ("text = \"?\"".to_owned(), "column = \"x\"\nplace = \"befor\"", "did you mean `before`?"),
        ("text = \"?\"".to_owned(), "send = \"bytes\"", "`column` (or `columns`, for several) is missing"),
        ("text = \"?\"".to_owned(), "column = \"x\"\ncolumns = [\"y\"]", "both `column` and `columns`"),
        ("text = \"?\"".to_owned(), "columns = [\"y\", \"y\"]", "has a column twice"),
        ("text = \"?\"\nsystem = \"{{ x\"".to_owned(), "column = \"x\"", "`prompt.system` is not a template"),
        ("text = \"?\"\nsystem = \" \"".to_owned(), "column = \"x\"", "`system` is empty"),
        (example("prompt = \"?\"\nanswer = \"\""), "column = \"x\"", "`answer` is empty"),
        (example("prompt = \"?\""), "column = \"x\"", "`answer` is missing in [[prompt.examples]]"),
        (
            example("prompt = \"?\"\nanswr = \"A\""),
            "column = \"x\"",
            "unknown key `answr` in [[prompt.examples]]",
        ),
        (
            example("prompt = \"?\"\nanswer = \"A\"\nimages = [\"a.jpg\"]"),
            columns,
            "a picture 1, but the prompt has no",
        ),
    ];
    for (prompt, images, reason) in cases {
        let task = pairs(&place, (&prompt, images), &[]);
        let said = stderr(eyechart().args(["tasks", "check"]).arg(&task).assert().code(2).get_output());
        assert!(said.contains(reason) && said.contains("\nline "), "{prompt}\n{images}\n{said}");
    }
    let task = pairs(&place, (&example("prompt = \"?\"\nanswer = \"A\"\nimages = [\"a.jpg\"]"), ""), &[]);
    let text = std::fs::read_to_string(&task).unwrap().replace("[images]\n", "");
    let said = stderr(check(&place.write("pairs.toml", text)).assert().code(2).get_output());
    assert!(said.contains("the task has no [images]"), "{said}");
}

fn check(task: &Path) -> assert_cmd::Command {
    let mut command = eyechart();
    command.args(["tasks", "check"]).arg(task);
    command
}

#[test]
fn init_writes_the_place_so_that_its_tasks_need_no_note() {
    let place = Place::new();
    place.charts(3);
    eyechart().arg("init").arg(place.path("charts.jsonl")).arg("--force").assert().code(0);
    let text = std::fs::read_to_string(place.path("charts.toml")).unwrap();
    assert!(text.contains("\nplace = \"before\""), "{text}");
    let server = endpoint(vec![rule(json!({"answer": "A rise."}))]);
    let output = run_at(&server, &place, &place.path("charts.toml")).assert().code(0).get_output().clone();
    assert!(!stderr(&output).contains("place = "), "{}", stderr(&output));
    assert!(questions(&server).iter().all(|question| question.starts_with('[')));
}
