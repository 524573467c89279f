//! Plans the runs of a command line. Sends and writes nothing.

use eyechart::run::{PlannedRun, Settings, one_run};
use eyechart::task::{LoadedTask, load};
use eyechart::types::Control;

use super::super::fetching::FetchProgress;
use super::super::output;
use super::super::question::confirm;
use super::Run;

impl Run {
    /// The plan of each task, with the data of its samples on this machine.
    pub fn planned(&self) -> anyhow::Result<Vec<PlannedRun>> {
        let mut planned = self.plans()?;
        planned.iter_mut().try_for_each(|planned| planned.bring(&FetchProgress::default()))?;
        Ok(planned)
    }

    fn plans(&self) -> anyhow::Result<Vec<PlannedRun>> {
        let settings = self.settings()?;
        if let (Some(path), true) = (&self.resume, self.tasks.is_empty()) {
            let mut planned = settings.plan_rest(&one_run(path)?, &FetchProgress::default())?;
            planned.plan.notices.iter().for_each(|text| output::notice(text));
            if let Some(question) = planned.question_about_address()
                && confirm(&question)?
            {
                planned.confirm_address();
            }
            planned.refuse_unconfirmed_address()?;
            return Ok(vec![planned]);
        }
        let mut planned = Vec::new();
        for loaded in self.loaded()? {
            let run = settings.plan(&loaded, &FetchProgress::default())?;
            run.plan.notices.iter().for_each(|text| output::notice(text));
            loaded.hint().iter().for_each(|text| output::hint(text));
            planned.push(run);
        }
        Ok(planned)
    }

    pub(super) fn settings(&self) -> anyhow::Result<Settings> {
        Ok(Settings {
            model: self.model.clone(),
            base_url: self.base_url.clone(),
            outputs: self.outputs.clone(),
            label: self.label.clone(),
            control: self.control.map(Control::from),
            limit: self.limit,
            epochs: self.epochs,
            seed: self.seed,
            params: self.request.param.clone(),
            dropped_params: self.request.drop_param.clone(),
            headers: self.request.header.clone(),
            query: self.request.query.clone(),
            images: self.images.given(),
            execution: self.budget.over(self.sending.settings()),
            start: self.sending.start_rules(),
            prices: self.budget.prices.clone(),
            data: self.data.clone(),
            allow_private_urls: self.sending.allow_private_urls,
            out: self.out.clone(),
            trusts_recorded_address: self.yes,
            resume: self.resume.clone(),
            protocol: None,
            api_key: None,
            log: self.sending.log()?,
            is_dry_run: self.dry_run,
        })
    }

    fn loaded(&self) -> anyhow::Result<Vec<LoadedTask>> {
        let mut tasks = Vec::new();
        for name in &self.tasks {
            tasks.extend(load(name)?);
        }
        anyhow::ensure!(!tasks.is_empty(), "no task given: `eyechart tasks` lists what is built in");
        Ok(tasks)
    }
}
