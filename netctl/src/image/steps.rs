//! A build's progress: the daemon's text, taken apart into steps.
//!
//! The daemon writes `Step 2/5 : COPY a b`, the step's output, and lines of its own that begin with ` --->`.

use std::time::{Duration, Instant};

use crate::visible::visible;

/// Reads the text as it comes and says what to show.
#[derive(Default)]
pub(super) struct Steps {
    /// A line whose end has not come yet.
    rest: String,
    step: Option<Step>,
}

struct Step {
    /// For instance `2/5 COPY a b`.
    name: String,
    started: Instant,
    cached: bool,
    spoke: bool,
}

/// One thing to show.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Shown {
    /// A step begins.
    Begin(String),
    /// A line of its output.
    Output(String),
    /// It ended, after so long; or its result was there already.
    End { took: Duration, cached: bool },
}

impl Steps {
    pub(super) fn take(&mut self, text: &str, now: Instant) -> Vec<Shown> {
        self.rest.push_str(text);
        let mut shown = Vec::new();
        while let Some(end) = self.rest.find('\n') {
            let line: String = self.rest.drain(..=end).collect();
            self.line(line.trim_end(), now, &mut shown);
        }
        shown
    }

    /// What was left without a line's end, and the end of the last step, if the build succeeded.
    pub(super) fn finish(&mut self, success: bool, now: Instant) -> Vec<Shown> {
        let mut shown = Vec::new();
        let rest = std::mem::take(&mut self.rest);
        if !rest.trim().is_empty() {
            self.line(rest.trim_end(), now, &mut shown);
        }
        if success {
            self.end(now, &mut shown);
        }
        shown
    }

    /// The step that runs, or ran last.
    pub(super) fn current(&self) -> Option<&str> {
        self.step.as_ref().map(|step| step.name.as_str())
    }

    /// Whether that step wrote anything.
    pub(super) fn spoke(&self) -> bool {
        self.step.as_ref().is_some_and(|step| step.spoke)
    }

    fn line(&mut self, line: &str, now: Instant, shown: &mut Vec<Shown>) {
        // The end of a step's colour stands before the daemon's own next line.
        let line = without_colour(line);
        let line = line.as_str();
        if let Some((count, instruction)) = line.strip_prefix("Step ").and_then(|line| line.split_once(" : "))
        {
            self.end(now, shown);
            let name = format!("{count} {instruction}");
            shown.push(Shown::Begin(name.clone()));
            self.step = Some(Step { name, started: now, cached: false, spoke: false });
        } else if line == " ---> Using cache" {
            self.step.iter_mut().for_each(|step| step.cached = true);
        } else if !line.starts_with(" --->")
            && !line.is_empty()
            && !line.starts_with("Removing intermediate container ")
            && !line.starts_with("Successfully ")
        {
            self.step.iter_mut().for_each(|step| step.spoke = true);
            shown.push(Shown::Output(visible(line).into_owned()));
        }
    }

    fn end(&mut self, now: Instant, shown: &mut Vec<Shown>) {
        if let Some(step) = self.step.take() {
            shown.push(Shown::End { took: now - step.started, cached: step.cached });
        }
    }
}

/// The daemon colours what a step writes to its standard error, whoever reads it.
fn without_colour(line: &str) -> String {
    let mut rest = line;
    let mut plain = String::new();
    while let Some(start) = rest.find("\x1b[") {
        plain.push_str(&rest[..start]);
        // ECMA-48, 5.4: the sequence ends with the first byte from @ to ~.
        let sequence = &rest[start + 2..];
        let end = sequence.find(|c: char| ('@'..='~').contains(&c)).map_or(sequence.len(), |end| end + 1);
        rest = &sequence[end..];
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_their_output() {
        let now = Instant::now();
        let later = now + Duration::from_secs(2);
        let mut steps = Steps::default();
        let begin = |name: &str| Shown::Begin(name.to_owned());
        assert_eq!(steps.take("Step 1/2 : FROM scratch\n ---> \nStep 2/", now), [begin("1/2 FROM scratch"),]);
        assert_eq!(
            steps.take("2 : RUN x\n ---> Running in 0123\n", later),
            [Shown::End { took: Duration::from_secs(2), cached: false }, begin("2/2 RUN x"),]
        );
        assert_eq!(steps.take("half", later), []);
        assert_eq!(steps.current(), Some("2/2 RUN x"));
        assert!(!steps.spoke());
        assert_eq!(steps.finish(false, later), [Shown::Output("half".to_owned())]);
        assert!(steps.spoke());
    }

    /// The colour of the last output ends where the daemon's own line begins.
    #[test]
    fn the_daemons_own_lines_are_known_behind_a_colour() {
        let mut steps = Steps::default();
        let text = "\x1b[91mbad\n\x1b[0mRemoving intermediate container 0123\n\x07bell\n";
        let said = |text: &str| Shown::Output(text.to_owned());
        assert_eq!(steps.take(text, Instant::now()), [said("bad"), said("\\u{7}bell")]);
    }

    #[test]
    fn the_daemons_colours_are_left_out() {
        for (line, plain) in
            [("\x1b[91mto stderr\x1b[0m", "to stderr"), ("a\x1b[1;31", "a"), ("plain [0m", "plain [0m")]
        {
            assert_eq!(without_colour(line), plain);
        }
    }
}
