//! .dockerignore: Docker's rules for what stays out of a build's context.
//!
//! Source: "Dockerignore file" in Docker's documentation, and the behaviour of moby/patternmatcher. The last pattern
//! that matches a path, or one of the directories above it, decides; `!` takes back in.

use regex::Regex;

/// The patterns of one file.
#[derive(Debug, Default)]
pub(super) struct Ignore(Vec<Pattern>);

#[derive(Debug)]
struct Pattern {
    /// It takes back in what an earlier one left out.
    exception: bool,
    regex: Regex,
    /// The part before the first special character.
    literal: String,
}

/// A line that is no pattern.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of .dockerignore: '{text}' is no pattern")]
pub struct IgnoreError {
    line: usize,
    text: String,
    #[source]
    source: Option<Box<regex::Error>>,
}

impl Ignore {
    pub(super) fn parse(text: &str) -> Result<Self, IgnoreError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut patterns = Vec::new();
        for (index, raw) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
            let error = |source| IgnoreError { line: index + 1, text: raw.to_owned(), source };
            let line = raw.trim();
            let (exception, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            if pattern.is_empty() {
                if exception {
                    return Err(error(None));
                }
                continue;
            }
            let cleaned = clean(pattern);
            let regex = Regex::new(&translate(&cleaned)).map_err(|source| error(Some(Box::new(source))))?;
            let literal = cleaned.split(['*', '?', '[', '\\']).next().unwrap_or_default().to_owned();
            patterns.push(Pattern { exception, regex, literal });
        }
        Ok(Self(patterns))
    }

    /// Whether a path, relative and with slashes, stays out.
    pub(super) fn excludes(&self, path: &str) -> bool {
        let mut excluded = false;
        for pattern in &self.0 {
            // One of the same kind as the verdict so far cannot change it.
            if pattern.exception == excluded && upwards(path).any(|path| pattern.regex.is_match(path)) {
                excluded = !pattern.exception;
            }
        }
        excluded
    }

    /// Whether something below an excluded directory may be taken back in, so that it has to be looked through.
    pub(super) fn may_take_back_below(&self, directory: &str) -> bool {
        let inside = format!("{directory}/");
        self.0.iter().filter(|pattern| pattern.exception).any(|pattern| {
            let literal = pattern.literal.as_str();
            literal.starts_with(&inside) || inside.starts_with(literal)
        })
    }
}

/// The path and all directories above it.
fn upwards(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(end, _)| &path[..end]).chain([path])
}

/// As Go's `filepath.Clean`, and without the slash at the front: a pattern starts at the context's root anyway.
fn clean(pattern: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            // Above the root there is nothing.
            ".." if pattern.starts_with('/') => {}
            part => parts.push(part),
        }
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// From Docker's pattern to a regular expression.
fn translate(pattern: &str) -> String {
    let mut regex = String::from("(?s)^");
    let mut characters = pattern.chars().peekable();
    let mut class = false;
    while let Some(character) = characters.next() {
        match character {
            '*' if class => regex.push('*'),
            '*' if characters.next_if_eq(&'*').is_some() => {
                // Any number of directories, none included.
                characters.next_if_eq(&'/');
                regex.push_str(if characters.peek().is_none() { ".*" } else { "(.*/)?" });
            }
            '*' => regex.push_str("[^/]*"),
            '?' if !class => regex.push_str("[^/]"),
            '\\' => match characters.next() {
                Some(next) => regex.push_str(&regex::escape(&next.to_string())),
                None => regex.push_str(r"\\"),
            },
            '[' if !class => {
                class = true;
                regex.push('[');
                if characters.next_if_eq(&'^').is_some() {
                    regex.push('^');
                }
            }
            ']' if class => {
                class = false;
                regex.push(']');
            }
            '-' if class => regex.push('-'),
            literal => regex.push_str(&regex::escape(&literal.to_string())),
        }
    }
    regex.push('$');
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded(patterns: &str, paths: &[&str]) -> Vec<bool> {
        let ignore = Ignore::parse(patterns).unwrap();
        paths.iter().map(|path| ignore.excludes(path)).collect()
    }

    /// The table of Docker's documentation, and moby/patternmatcher's rules beyond it.
    #[test]
    fn dockers_rules() {
        for (patterns, out, kept) in [
            ("# comment\n\n*/temp*", "a/temp a/temp.txt a/temp/b", "temp a/b/temp"),
            ("*/*/temp*", "a/b/temporary.txt", "a/temp temp"),
            ("temp?", "tempa tempb tempa/x", "temp tempab a/tempa"),
            ("**/*.go", "a.go a/b/c.go", "a.gox"),
            ("*.md\n!README*.md\nREADME-secret.md", "a.md README-secret.md", "README.md README-x.md"),
            ("*.md\nREADME-secret.md\n!README*.md", "a.md", "README.md README-secret.md"),
            ("*\n!a/keep", "x a/other a/keeper", "a/keep a/keep/below"),
            ("a\n!a/b/c", "a a/b a/x", "a/b/c a/b/c/d"),
            ("/a/", "a a/b", "b/a"),
            ("./a/../b", "b", "a"),
            ("a/**", "a/b a/b/c", "b"),
            ("a/**/z", "a/z a/b/z a/b/c/z", "a/y z"),
            ("**", "a a/b .x", ""),
            ("[a-c].x", "a.x c.x", "d.x"),
            ("[^a-c].x", "d.x", "a.x"),
            ("a\\*b", "a*b", "aab"),
            ("a+b(c)", "a+b(c)", "aab(c)"),
            ("  spaces  ", "spaces", "x"),
            ("\u{feff}bom", "bom", "x"),
        ] {
            let paths =
                |text: &'static str| text.split(' ').filter(|path| !path.is_empty()).collect::<Vec<_>>();
            assert!(excluded(patterns, &paths(out)).iter().all(|out| *out), "{patterns:?} leaves out {out}");
            assert!(!excluded(patterns, &paths(kept)).iter().any(|out| *out), "{patterns:?} keeps {kept}");
        }
    }

    #[test]
    fn what_is_no_pattern() {
        for text in ["a\n!", "[a"] {
            assert!(Ignore::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            Ignore::parse("a\n!").unwrap_err().to_string(),
            "line 2 of .dockerignore: '!' is no pattern"
        );
    }

    #[test]
    fn which_excluded_directories_are_looked_through() {
        let ignore = Ignore::parse("*\n!a/b/keep\n!c*/x").unwrap();
        for (directory, look) in [("a", true), ("a/b", true), ("a/c", false), ("cx", true), ("d", false)] {
            assert_eq!(ignore.may_take_back_below(directory), look, "{directory}");
        }
        assert!(Ignore::parse("*\n!**/keep").unwrap().may_take_back_below("any/where"));
    }
}
