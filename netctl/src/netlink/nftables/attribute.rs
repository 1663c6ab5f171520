//! Netlink attributes: written into nests, and read back. All numbers of nf_tables are big-endian.

/// Attributes being written.
#[derive(Default)]
pub(super) struct Attributes(Vec<u8>);

const HEADER: usize = 4;
const NESTED: u16 = 0x8000;

impl Attributes {
    pub(super) fn bytes(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        let length = u16::try_from(HEADER + value.len()).expect("no attribute comes near 64 KiB");
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    pub(super) fn number(&mut self, kind: u16, value: u32) -> &mut Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    pub(super) fn long(&mut self, kind: u16, value: u64) -> &mut Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    pub(super) fn text(&mut self, kind: u16, value: &str) -> &mut Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.bytes(kind, &bytes)
    }

    pub(super) fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inner = Self::default();
        fill(&mut inner);
        self.bytes(kind | NESTED, &inner.0)
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Attributes that were received.
#[derive(Clone, Copy)]
pub(super) struct Received<'a>(pub(super) &'a [u8]);

impl<'a> Received<'a> {
    pub(super) fn iter(self) -> impl Iterator<Item = (u16, &'a [u8])> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let length = usize::from(u16::from_ne_bytes(rest.get(..2)?.try_into().ok()?));
            let kind = u16::from_ne_bytes(rest.get(2..HEADER)?.try_into().ok()?) & !NESTED;
            let value = rest.get(HEADER..length)?;
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            Some((kind, value))
        })
    }

    pub(super) fn find(self, kind: u16) -> Option<&'a [u8]> {
        self.iter().find(|(found, _)| *found == kind).map(|(_, value)| value)
    }

    pub(super) fn nest(self, kind: u16) -> Option<Received<'a>> {
        self.find(kind).map(Received)
    }

    pub(super) fn text(self, kind: u16) -> Option<String> {
        self.find(kind).map(text)
    }

    pub(super) fn number(self, kind: u16) -> Option<u32> {
        Some(u32::from_be_bytes(self.find(kind)?.try_into().ok()?))
    }

    pub(super) fn long(self, kind: u16) -> Option<u64> {
        Some(u64::from_be_bytes(self.find(kind)?.try_into().ok()?))
    }
}

/// A text up to its final zero.
pub(super) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read() {
        let mut written = Attributes::default();
        written.text(1, "ab").nest(2, |inner| {
            inner.number(3, 7).bytes(4, &[1, 2, 3, 4, 5]);
        });
        let bytes = written.finish();
        assert_eq!(bytes.len() % 4, 0);
        let read = Received(&bytes);
        assert_eq!(read.text(1).as_deref(), Some("ab"));
        let inner = read.nest(2).unwrap();
        assert_eq!((inner.number(3), inner.find(4)), (Some(7), Some(&[1, 2, 3, 4, 5][..])));
    }

    /// Whatever is cut off, nothing is read beyond the end.
    #[test]
    fn cut_short() {
        let mut written = Attributes::default();
        written.text(1, "abc").number(2, 5);
        let bytes = written.finish();
        for length in 0..bytes.len() {
            assert!(Received(&bytes[..length]).iter().count() < 2, "{length}");
        }
        assert_eq!(Received(&[0, 0, 1, 0, 9, 9]).iter().count(), 0);
    }
}
