//! The library as a program uses it.

use eyechart::engine::{EndReason, StopLevel, Stopper};
use eyechart::run::{PlannedRun, Settings, meter_of};
use eyechart::task::{LoadedTask, load};
use eyechart::types::{ErrorClass, Observers, Silent};
use std::sync::Arc;

use crate::common::{Place, endpoint};

fn charts(place: &Place, samples: usize) -> LoadedTask {
    load(place.charts(samples).to_str().unwrap()).unwrap().pop().unwrap()
}

fn settings(place: &Place, url: String) -> Settings {
    Settings {
        model: Some("custom/m".to_owned()),
        base_url: Some(url),
        out: Some(place.runs()),
        ..Settings::default()
    }
}

fn planned(settings: &Settings, task: &LoadedTask) -> PlannedRun {
    settings.plan(task, &Silent).unwrap()
}

#[tokio::test]
async fn a_run_can_be_made_inside_an_async_program() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let task = charts(&place, 5);
    planned(&settings(&place, server.url()), &task).run().unwrap();
    assert_eq!((place.run().samples().len(), server.stats().requests), (5, 5));
}

#[test]
fn a_run_that_was_stopped_is_resumed_by_its_folder_alone() {
    let (place, server) = (Place::new(), endpoint(Vec::new()));
    let task = charts(&place, 5);
    let settings = settings(&place, server.url());
    let stopper = Stopper::default();
    stopper.raise(StopLevel::Finish);
    let first = planned(&settings, &task);
    let meter = Arc::new(meter_of(std::slice::from_ref(&first)));
    let run = first.start(&meter).unwrap();
    let folder = run.folder().clone();
    assert_eq!(run.ask(&stopper.stop(), Observers::default()).unwrap(), EndReason::Interrupted);
    let rest = Settings::default().plan_rest(&folder, &Silent).unwrap();
    assert_eq!(rest.to_ask().len(), 5 - usize::try_from(server.stats().requests).unwrap());
    rest.run().unwrap();
    assert_eq!(place.run().samples().len(), 5);
}

#[test]
fn an_error_has_the_class_that_the_exit_code_follows_from() {
    let place = Place::new();
    let task = charts(&place, 1);
    let class = |settings: Settings| match settings.plan(&task, &Silent).and_then(PlannedRun::run) {
        Ok(_) => panic!("expected an error"),
        Err(error) => error.class(),
    };
    assert_eq!(class(Settings::default()), ErrorClass::Usage, "no model");
    let nowhere = settings(&place, "http://127.0.0.1:1/v1".to_owned());
    assert_eq!(class(nowhere.clone()), ErrorClass::Endpoint);
    let no_data = Settings { data: Some(place.path("nowhere")), ..nowhere };
    assert_eq!(class(no_data), ErrorClass::Usage);
}
