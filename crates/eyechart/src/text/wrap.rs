//! Lines that fit a terminal.

use unicode_width::UnicodeWidthStr;

/// Breaks each line of `text` that is longer than `width` columns at its spaces. The lines that follow are indented by
/// `indent` spaces. A line that fits is kept as it is. A word or a command in backticks that is longer than a line is not
/// broken.
#[must_use]
pub fn wrapped(text: &str, width: usize, indent: usize) -> String {
    text.lines().map(|line| wrapped_line(line, width, indent)).collect::<Vec<_>>().join("\n")
}

fn wrapped_line(line: &str, width: usize, indent: usize) -> String {
    let mut done = String::new();
    let (mut rest, mut room) = (line, width);
    while rest.width() > room {
        let Some(at) = last_break(rest, room) else { break };
        done.push_str(rest[..at].trim_end());
        done.push('\n');
        done.extend(std::iter::repeat_n(' ', indent));
        rest = rest[at..].trim_start();
        room = width.saturating_sub(indent);
    }
    done + rest
}

/// The last space before which the text fits into `room`, else the first space. Absent if there is none, leading spaces
/// apart.
fn last_break(text: &str, room: usize) -> Option<usize> {
    let start = text.len() - text.trim_start().len();
    let is_inside_backticks =
        |at: usize| text[..at].matches('`').count() % 2 == 1 && text[at..].contains('`');
    let spaces = text.match_indices(' ').map(|(at, _)| at);
    let mut breaks = spaces.filter(|at| *at > start && !is_inside_backticks(*at)).peekable();
    let first = *breaks.peek()?;
    Some(breaks.take_while(|at| text[..*at].width() <= room).last().unwrap_or(first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_at_spaces_and_short_ones_are_kept() {
        assert_eq!(wrapped("  one two three four", 11, 4), "  one two\n    three\n    four");
        assert_eq!(wrapped("a  b\n\n  c", 4, 2), "a  b\n\n  c");
        assert_eq!(
            wrapped("https://example.org/long and more", 10, 2),
            "https://example.org/long\n  and more"
        );
        assert_eq!(wrapped("  https://example.org/long", 10, 2), "  https://example.org/long");
        assert_eq!(wrapped("use `run --resume x` again", 10, 2), "use\n  `run --resume x`\n  again");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(wrapped("図図 図図 図図", 9, 0), "図図 図図\n図図");
    }
}
