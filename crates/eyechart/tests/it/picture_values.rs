//! Pictures in every form in which data has them: base64, objects, other formats, cut off, or not pictures at all.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{DynamicImage, ImageFormat};
use serde_json::{Value, json};

use crate::common::{Place, bodies, endpoint, eyechart, jpeg, run_at, stderr};

const TASK: &str = "name = \"t\"\n[dataset]\nfile = \"FILE\"\nid = \"id\"\n[prompt]\ntext = \"Which?\"\n[images]\ncolumn = \"image\"\n";

fn task(place: &Place, file: &str, keys: &str) -> std::path::PathBuf {
    place.write("t.toml", format!("{}{keys}\n", TASK.replace("FILE", file)))
}

fn picture(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    DynamicImage::new_rgb8(20, 10).write_to(&mut Cursor::new(&mut bytes), format).unwrap();
    bytes
}

/// The bytes of the pictures in the requests, with their media types.
fn sent(server: &eyechart::rehearse::Server) -> Vec<(String, Vec<u8>)> {
    let decode = |part: &Value| {
        let (kind, data) = part["image_url"]["url"].as_str()?.split_once(";base64,")?;
        Some((kind.replace("data:", ""), STANDARD.decode(data).unwrap()))
    };
    let bodies = bodies(server);
    let parts = bodies.iter().flat_map(|body| body["messages"][0]["content"].as_array().unwrap());
    parts.filter_map(decode).collect()
}

#[test]
fn base64_data_urls_and_objects_are_pictures_in_jsonl_and_csv() {
    let place = Place::new();
    let png = picture(ImageFormat::Png);
    let encoded = STANDARD.encode(&png);
    place.write("images/a b.png", &png);
    let values = [
        json!(encoded),
        json!(format!("data:image/png;base64,{encoded}")),
        json!({"bytes": encoded, "path": "x.png"}),
        json!({"bytes": null, "path": "images/a b.png"}),
        json!([null, {"bytes": encoded}, ""]),
        json!(" images\\a b.png "),
        json!(format!("file://{}", place.path("images/a%20b.png").display())),
    ];
    let rows: Vec<_> =
        values.iter().enumerate().map(|(id, image)| json!({"id": id, "image": image})).collect();
    place.write_jsonl("rows.jsonl", &rows);
    place.write("rows.csv", format!("id,image\n0,{encoded}\n1,\"data:image/png;base64,{encoded}\"\n"));
    for (file, count) in [("rows.jsonl", values.len()), ("rows.csv", 2)] {
        let server = endpoint(Vec::new());
        run_at(&server, &place, &task(&place, file, "")).assert().code(0);
        assert_eq!(sent(&server), vec![("image/png".to_owned(), png.clone()); count], "{file}");
    }
}

#[test]
fn a_value_is_never_printed_beyond_80_characters() {
    let place = Place::new();
    let long = "lorem ipsum ".repeat(500);
    let damaged = format!("data:image/png;base64,{}?", "A".repeat(3000));
    let rows = [
        json!({"id": "text", "image": long}),
        json!({"id": "base64", "image": damaged}),
        json!({"id": "object", "image": {"caption": long}}),
        json!({"id": "list", "image": [long, {"path": long}]}),
    ];
    place.write_jsonl("rows.jsonl", &rows);
    let server = endpoint(Vec::new());
    let output =
        run_at(&server, &place, &task(&place, "rows.jsonl", "")).assert().code(1).get_output().clone();
    let is_cut = |text: &str| !text.contains(&long[..90]) && !text.contains(&"A".repeat(90));
    assert!(is_cut(&stderr(&output)), "{}", stderr(&output));
    for sample in place.run().samples() {
        let message = sample["error"]["message"].as_str().unwrap();
        assert!(is_cut(message), "{message}");
        assert_eq!(sample["error"]["kind"], "image", "{message}");
    }
}

#[test]
fn a_jpeg_without_its_last_bytes_is_sent_only_where_that_is_allowed() {
    let place = Place::new();
    let whole = jpeg(1, 4_000);
    place.write("cut.jpg", &whole[..whole.len() - 2]);
    place.write_jsonl("rows.jsonl", &[json!({"id": "a", "image": "cut.jpg"})]);
    let server = endpoint(Vec::new());
    run_at(&server, &place, &task(&place, "rows.jsonl", "")).assert().code(1);
    let message = place.run().sample("a")["error"]["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("allow_truncated = true") && message.contains("--image-allow-truncated"),
        "{message}"
    );

    for (keys, flag) in [("allow_truncated = true", None), ("", Some("--image-allow-truncated"))] {
        std::fs::remove_dir_all(place.runs()).unwrap();
        let server = endpoint(Vec::new());
        run_at(&server, &place, &task(&place, "rows.jsonl", keys)).args(flag).assert().code(0);
        assert_eq!(sent(&server), [("image/jpeg".to_owned(), whole.clone())]);
        let image = place.run().sample("a")["images"][0].clone();
        assert_eq!(image["changed"], "cut off before its end, completed with an end-of-image marker");
        let stored = place.runs().join("images").join(image["sha256"].as_str().unwrap());
        assert_eq!(std::fs::read(stored).unwrap(), whole);
    }
}

#[test]
fn formats_that_endpoints_do_not_take_are_sent_as_png() {
    let place = Place::new();
    place.write("a.bmp", picture(ImageFormat::Bmp));
    place.write("a.tiff", picture(ImageFormat::Tiff));
    place.write_jsonl("rows.jsonl", &["a.bmp", "a.tiff"].map(|name| json!({"id": name, "image": name})));
    let server = endpoint(Vec::new());
    run_at(&server, &place, &task(&place, "rows.jsonl", "")).assert().code(0);
    for (kind, bytes) in sent(&server) {
        let picture = image::load_from_memory_with_format(&bytes, ImageFormat::Png).unwrap();
        assert_eq!((kind.as_str(), picture.width(), picture.height()), ("image/png", 20, 10));
    }
    let changed = |id: &str| place.run().sample(id)["images"][0]["changed"].clone();
    assert_eq!(changed("a.bmp"), "re-encoded from image/bmp as image/png");
    assert_eq!(changed("a.tiff"), "re-encoded from image/tiff as image/png");
}

#[test]
fn what_is_not_a_picture_is_named_with_a_command_and_never_quoted() {
    let place = Place::new();
    place.write("a.pdf", "%PDF-1.7 secret");
    place.write("a.svg", "<svg xmlns='secret'/>");
    place.write("key.png", "sk-secret-of-mine");
    let names = ["a.pdf", "a.svg", "key.png"];
    place.write_jsonl("rows.jsonl", &names.map(|name| json!({"id": name, "image": name})));
    let server = endpoint(Vec::new());
    let output =
        run_at(&server, &place, &task(&place, "rows.jsonl", "")).assert().code(1).get_output().clone();
    assert!(!stderr(&output).contains("secret"), "{}", stderr(&output));
    let message = |id: &str| place.run().sample(id)["error"]["message"].as_str().unwrap().to_owned();
    assert!(message("a.pdf").contains("`pdftoppm -r 150 -png FILE.pdf PAGE`"), "{}", message("a.pdf"));
    assert!(message("a.svg").contains("it is an SVG"), "{}", message("a.svg"));
    assert!(names.iter().all(|name| !message(name).contains("secret")));
}

#[test]
fn pictures_of_a_folder_that_are_not_read_are_counted_and_named() {
    let place = Place::new();
    for name in ["a.png", "b.bmp", "c.HEIC", "d.heic", "e.avif", "notes.md"] {
        place.write(&format!("photos/{name}"), picture(ImageFormat::Png));
    }
    let task = place.path("i.toml");
    let init = eyechart().arg("init").arg(place.path("photos")).arg("--out").arg(&task).output().unwrap();
    let server = endpoint(Vec::new());
    let run = run_at(&server, &place, &task).arg("--data").arg(place.path("")).output().unwrap();
    for text in [stderr(&init), stderr(&run)] {
        let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain.contains("2 HEIC picture files in the folder cannot be read"), "{text}");
        assert!(plain.contains("1 AVIF picture file in the folder") && plain.contains("`avifdec"), "{text}");
    }
    assert_eq!(place.run().samples().len(), 2);
}

#[test]
fn ids_that_became_floats_meet_the_ids_of_outputs() {
    let place = Place::new();
    place.write("rows.jsonl", "{\"id\":1.0,\"question\":\"a\"}\n{\"id\":2,\"question\":\"b\"}\n{\"id\":\"3.0\",\"question\":\"c\"}\n\
         {\"id\":123456789012345678901,\"question\":\"d\"}\n");
    place.write(
        "outputs.jsonl",
        "{\"id\":\"1\",\"output\":\"x\"}\n{\"id\":2.0,\"output\":\"x\"}\n{\"id\":3,\"output\":\"x\"}\n\
         {\"id\":\"123456789012345678901\",\"output\":\"x\"}\n",
    );
    let text =
        "name = \"t\"\n[dataset]\nfile = \"rows.jsonl\"\nid = \"id\"\n[prompt]\ntext = \"{{ question }}\"\n";
    let task = place.write("t.toml", text);
    let mut command = eyechart();
    command.arg("run").arg(task).args(["--model", "m", "--no-score", "--outputs"]);
    command.arg(place.path("outputs.jsonl")).arg("--out").arg(place.runs()).assert().code(0);
    let ids: Vec<_> = place.run().samples().into_iter().map(|sample| sample["id"].clone()).collect();
    assert_eq!(ids, ["1", "2", "3.0", "123456789012345678901"]);
}
