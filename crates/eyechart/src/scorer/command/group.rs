//! The process groups of the programs. A group is killed together with its program, and all groups are killed when
//! eyechart is interrupted.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::process::{Child, Command};

/// The leaders of the groups that have not been killed. The list is global because a signal concerns the whole
/// process.
static LEADERS: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// A program and the process group that it leads. The group is killed when this is dropped.
pub(super) struct ProcessGroup {
    /// The program.
    pub(super) child: Child,
    leader: Option<u32>,
}

impl ProcessGroup {
    /// Starts a program in a group of its own, so that all processes that it starts can be killed with it.
    ///
    /// # Errors
    /// The program cannot be started.
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        #[cfg(unix)]
        command.process_group(0);
        // Locked until the program is in the list, so that an interrupt in between does not miss the program.
        let mut leaders = locked();
        let child = command.spawn()?;
        let leader = child.id();
        leaders.extend(leader);
        Ok(Self { child, leader })
    }

    /// Kills every process of the group. A second call does nothing, because the system may have given the number to
    /// another group by then.
    pub(super) fn kill(&mut self) {
        let Some(leader) = self.leader.take() else { return };
        let mut leaders = locked();
        kill_group(leader);
        leaders.retain(|other| *other != leader);
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Proof that all programs have been killed. While the value exists, eyechart neither starts a program nor notices that
/// one has ended.
#[must_use = "dropping it lets the thread that scores continue"]
pub struct ProgramsStopped {
    _leaders: MutexGuard<'static, Vec<u32>>,
}

/// Kills all programs that score, including the processes that they have started. Call it before the process exits.
/// The threads that score wait while the returned value exists, so they never record the kill as a failure of a
/// program.
pub fn stop_programs() -> ProgramsStopped {
    let leaders = locked();
    leaders.iter().copied().for_each(kill_group);
    ProgramsStopped { _leaders: leaders }
}

fn locked() -> MutexGuard<'static, Vec<u32>> {
    LEADERS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(unix)]
fn kill_group(leader: u32) {
    let leader = i32::try_from(leader).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(leader) = leader {
        // The call fails if no process of the group is left.
        let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
    }
}

#[cfg(not(unix))]
fn kill_group(_leader: u32) {}
