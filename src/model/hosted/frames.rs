//! Splitting an answer into its frames: the events of an event stream, or lines.
//!
//! Frames come in any pieces. What is not yet a whole frame is kept, up to a limit; lines end in LF or CRLF.

/// The most bytes of one frame. Providers' frames have some hundreds.
const MAX_FRAME: usize = 4 * 1024 * 1024;

/// A frame is longer than any provider's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// How frames are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-Sent Events, of which the data counts: each wire's data says what the event's name says.
    Events,
    /// One frame a line.
    Lines,
}

/// Takes bytes and gives frames.
#[derive(Debug)]
pub(super) struct Frames {
    framing: Framing,
    /// Bytes that are in no line yet, behind `read`.
    bytes: Vec<u8>,
    /// How far the lines are taken.
    read: usize,
    /// How far no line ends.
    searched: usize,
    /// The data of an event whose end has not come.
    data: Vec<u8>,
    /// No line was taken yet: a byte order mark may stand before it.
    is_first: bool,
}

impl Frames {
    pub(super) fn new(framing: Framing) -> Self {
        Self { framing, bytes: Vec::new(), read: 0, searched: 0, data: Vec::new(), is_first: true }
    }

    /// Takes more bytes, behind those of which all whole frames were taken.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        self.bytes.drain(..self.read);
        self.searched -= self.read;
        self.read = 0;
        if self.bytes.len() + self.data.len() > MAX_FRAME {
            return Err(TooLong);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The next whole frame that holds anything.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        while let Some((start, end)) = self.line() {
            let line = &self.bytes[start..end];
            match self.framing {
                Framing::Lines if line.iter().all(u8::is_ascii_whitespace) => {}
                Framing::Lines => return Some(line.to_vec()),
                Framing::Events if line.is_empty() => {
                    if !self.data.is_empty() {
                        return Some(std::mem::take(&mut self.data));
                    }
                }
                Framing::Events => {
                    if let Some(data) = line.strip_prefix(b"data:") {
                        if !self.data.is_empty() {
                            self.data.push(b'\n');
                        }
                        self.data.extend_from_slice(data.strip_prefix(b" ").unwrap_or(data));
                    }
                }
            }
        }
        None
    }

    /// The last frame, if the bytes ended without the end of it.
    pub(super) fn rest(&mut self) -> Option<Vec<u8>> {
        self.bytes.extend_from_slice(b"\n\n");
        self.next()
    }

    /// Where the next line is, without its end.
    fn line(&mut self) -> Option<(usize, usize)> {
        let Some(length) = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.bytes.len();
            return None;
        };
        let (mut start, end) = (self.read, self.searched + length);
        if std::mem::take(&mut self.is_first) && self.bytes.starts_with(b"\xef\xbb\xbf") {
            start += 3;
        }
        self.read = end + 1;
        self.searched = self.read;
        let is_crlf = end > start && self.bytes[end - 1] == b'\r';
        Some((start, if is_crlf { end - 1 } else { end }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(framing: Framing, chunks: &[&[u8]]) -> Vec<String> {
        let mut frames = Frames::new(framing);
        let mut all = Vec::new();
        for chunk in chunks {
            frames.push(chunk).unwrap();
            all.extend(std::iter::from_fn(|| frames.next()).map(|frame| String::from_utf8(frame).unwrap()));
        }
        all
    }

    #[test]
    fn events_are_the_same_however_they_are_cut_and_whatever_ends_a_line() {
        let text =
            "\u{feff}event: a\ndata: {\"x\":\ndata: 1}\n\n: still here\n\nid: 7\ndata:[DONE]\n\ndata: cut";
        for text in [text.to_owned(), text.replace('\n', "\r\n")] {
            for size in 1..text.len() {
                let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
                assert_eq!(frames(Framing::Events, &chunks), ["{\"x\":\n1}", "[DONE]"], "{size}");
            }
        }
    }

    #[test]
    fn lines_are_the_same_however_they_are_cut() {
        let text = "{\"a\":1}\r\n\n  \n{\"b\":2}\n{\"cut";
        for size in 1..text.len() {
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            assert_eq!(frames(Framing::Lines, &chunks), ["{\"a\":1}", "{\"b\":2}"], "{size}");
        }
    }

    #[test]
    fn a_frame_whose_end_is_missing_can_be_had_once() {
        for (framing, text) in [(Framing::Events, "data: [DONE]"), (Framing::Lines, "[DONE]")] {
            let mut frames = Frames::new(framing);
            frames.push(text.as_bytes()).unwrap();
            assert_eq!(frames.next(), None);
            assert_eq!(frames.rest().as_deref(), Some(&b"[DONE]"[..]));
            assert_eq!(frames.rest(), None);
        }
    }

    #[test]
    fn a_frame_has_a_limit_and_a_stream_has_none() {
        let mut endless = Frames::new(Framing::Events);
        let piece = vec![b'x'; 64 * 1024];
        let pushed = (0..100).take_while(|_| endless.push(&piece).is_ok()).count();
        assert_eq!(pushed, MAX_FRAME / piece.len() + 1);

        let mut lines_of_one_event = Frames::new(Framing::Events);
        let piece = [b"data: ", &piece[..], b"\n"].concat();
        let pushed = (0..100)
            .take_while(|_| {
                let is_taken = lines_of_one_event.push(&piece).is_ok();
                assert_eq!(lines_of_one_event.next(), None);
                is_taken
            })
            .count();
        assert!((60..70).contains(&pushed), "{pushed}");

        let mut long_stream = Frames::new(Framing::Lines);
        for _ in 0..200 {
            long_stream.push(&piece).unwrap();
            assert!(long_stream.next().is_some());
        }
    }
}
