//! The built-in tasks and suites: data, embedded in the binary. A new benchmark is one file and one line here.

/// The TOML texts of all built-in tasks, by name.
const TASKS: &[(&str, &str)] = &[
    ("arxivqa", include_str!("../../tasks/arxivqa.toml")),
    ("flickr30k", include_str!("../../tasks/flickr30k.toml")),
    ("visit-bench", include_str!("../../tasks/visit-bench.toml")),
    ("vlm-benchmarks/arxivqa", include_str!("../../tasks/vlm-benchmarks/arxivqa.toml")),
    ("vlm-benchmarks/visit-caption", include_str!("../../tasks/vlm-benchmarks/visit-caption.toml")),
    ("vlm-benchmarks/visit-instruction", include_str!("../../tasks/vlm-benchmarks/visit-instruction.toml")),
    ("vlm-benchmarks/flickr30k", include_str!("../../tasks/vlm-benchmarks/flickr30k.toml")),
    ("visit-bench-multi", include_str!("../../tasks/visit-bench-multi.toml")),
];

/// Tasks that are run together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// The name for the command line.
    pub name: &'static str,
    /// A description in one line.
    pub description: &'static str,
    /// The tasks in the order in which they run and are shown.
    pub tasks: &'static [&'static str],
}

const SUITES: &[Suite] = &[Suite {
    name: "vlm-benchmarks",
    description: "the published comparison of Pixtral 12B with GPT-4V, task for task",
    tasks: &[
        "vlm-benchmarks/arxivqa",
        "vlm-benchmarks/visit-caption",
        "vlm-benchmarks/visit-instruction",
        "vlm-benchmarks/flickr30k",
    ],
}];

/// All built-in tasks, each with its name and TOML text.
#[must_use]
pub fn builtin_tasks() -> &'static [(&'static str, &'static str)] {
    TASKS
}

/// All built-in suites.
#[must_use]
pub fn suites() -> &'static [Suite] {
    SUITES
}
