//! Any bytes as a record: read, opened for appending and folded without a panic, and no record that could be read is
//! lost by it.
#![no_main]

use eyechart::record::{Appender, fold, read_record};
use eyechart::types::SampleRecord;
use libfuzzer_sys::fuzz_target;

fn sorted(mut samples: Vec<SampleRecord>) -> Vec<SampleRecord> {
    samples.sort_by(|a, b| (&a.id, a.epoch).cmp(&(&b.id, b.epoch)));
    samples
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(folder) = tempfile::tempdir() else { return };
    let path = folder.path().join("samples.jsonl");
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let Ok(before) = read_record(&path) else { return };
    let Ok(log) = Appender::open(&path, None) else { panic!("a record that can be read can be opened") };
    assert!(log.finish().is_ok());
    let Ok(opened) = read_record(&path) else { panic!("opening makes no record unreadable") };
    assert_eq!(before.samples, opened.samples);
    assert_eq!(before.bad_lines, opened.bad_lines);
    assert!(opened.torn.is_none(), "a torn last line is dropped when the record is opened");
    assert!(fold(&path, opened.samples.iter().map(|sample| sample.id.as_str())).is_ok());
    let Ok(folded) = read_record(&path) else { panic!("folding makes no record unreadable") };
    assert_eq!(sorted(opened.samples), sorted(folded.samples));
    assert!(folded.bad_lines.is_empty() && folded.torn.is_none());
});
