//! Pictures as the endpoint gets them and as the record tells of them, through the binary.

use std::io::Cursor;
use std::path::PathBuf;

use crate::common::{CHARTS, Place, bodies, endpoint, eyechart, rule, run_at, stderr};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};

/// `charts.toml` with these keys in its `[images]`, over `count` rows that share one PNG of 400 × 300 pixels.
fn charts(place: &Place, count: usize, keys: &str) -> PathBuf {
    place.charts(count);
    let mut png = Vec::new();
    DynamicImage::new_rgb8(400, 300).write_to(&mut Cursor::new(&mut png), ImageFormat::Png).unwrap();
    for index in 0..count {
        place.write(&format!("images/{index}.jpg"), &png);
    }
    place.write("charts.toml", CHARTS.replace("column = \"image\"", &format!("column = \"image\"\n{keys}")))
}

/// The `image_url` of the only picture in each request, and its size in pixels.
fn pictures(server: &eyechart::rehearse::Server) -> Vec<(Value, (u32, u32))> {
    let picture = |body: Value| {
        let image = body["messages"][0]["content"][0]["image_url"].clone();
        let (_, data) = image["url"].as_str().unwrap().split_once(";base64,").unwrap();
        let decoded = image::load_from_memory(&STANDARD.decode(data).unwrap()).unwrap();
        (image, (decoded.width(), decoded.height()))
    };
    bodies(server).into_iter().map(picture).collect()
}

#[test]
fn pictures_go_out_as_the_task_says_and_the_record_tells_all_of_it() {
    let place = Place::new();
    let task = charts(&place, 3, "format = \"jpeg\"\nquality = 80\nmax_side = 200\ndetail = \"high\"");
    let server = endpoint(Vec::new());
    run_at(&server, &place, &task).assert().code(0);
    for (image, size) in pictures(&server) {
        assert_eq!(size, (200, 150));
        assert_eq!(image["detail"], "high");
        assert!(image["url"].as_str().unwrap().starts_with("data:image/jpeg;base64,"));
    }
    let image = place.run().sample("c-1")["images"][0].clone();
    let changed = "scaled from 400 × 300 to 200 × 150, re-encoded from image/png as image/jpeg, quality 80";
    assert_eq!(image["changed"], changed);
    assert_eq!((&image["width"], &image["height"]), (&json!(200), &json!(150)));
    let stored = std::fs::read_dir(place.runs().join("images")).unwrap().count();
    assert_eq!(stored, 1, "rows that share a picture share what was made of it");
}

#[test]
fn the_flags_go_before_the_task_and_stay_with_the_run() {
    let place = Place::new();
    let task = charts(&place, 2, "max_side = 200");
    let server = endpoint(vec![rule(json!({"prompt": "chart 1?", "status": 400, "times": 1}))]);
    let flags = ["--image-max-side", "100", "--image-format", "webp", "--image-detail", "low"];
    run_at(&server, &place, &task).args(flags).assert().code(1);
    let run = place.run();
    assert_eq!(run.json("spec.json")["images"], json!({"max_side": 100, "format": "webp", "detail": "low"}));

    let mut other = run_at(&server, &place, &task);
    let output = other.arg("--resume").arg(run.path()).assert().code(2).get_output().clone();
    assert!(stderr(&output).contains("max_side = 100"), "{}", stderr(&output));

    eyechart().arg("run").arg("--resume").arg(run.path()).arg("--no-score").assert().code(0);
    let pictures = pictures(&server);
    assert_eq!(pictures.len(), 3);
    for (image, size) in pictures {
        assert_eq!(size, (100, 75));
        assert_eq!(image["detail"], "low");
        assert!(image["url"].as_str().unwrap().starts_with("data:image/webp;base64,"));
    }
}

#[test]
fn flags_that_fit_nothing_are_refused_before_anything_is_sent() {
    let place = Place::new();
    let server = endpoint(Vec::new());
    let task = charts(&place, 1, "send = \"url\"");
    let refused = |arguments: &[&str], expected: &str| {
        let mut command = run_at(&server, &place, &task);
        let output = command.args(arguments).assert().code(2).get_output().clone();
        assert!(stderr(&output).contains(expected), "{}", stderr(&output));
    };
    refused(&["--image-max-side", "100"], "send = \"fetch\"");
    refused(&["--image-max-side", "0"], "--image-max-side");
    refused(&["--image-format", "tiff"], "jpeg, png, webp");
    assert_eq!(server.stats().requests, 0);
    assert!(place.all_runs().is_empty());
}

#[test]
fn an_untouched_picture_carries_a_note_where_a_reader_should_know_something() {
    let place = Place::new();
    let task = place.charts(1);
    place.write("images/0.jpg", include_bytes!("../../src/image/fixtures/turned.jpg"));
    let server = endpoint(Vec::new());
    run_at(&server, &place, &task).assert().code(0);
    let image = place.run().sample("c-0")["images"][0].clone();
    assert_eq!(image["note"], "carries EXIF orientation 6, which was not applied");
    assert_eq!(image.get("changed"), None);
}
