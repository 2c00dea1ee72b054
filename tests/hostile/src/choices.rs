//! The choices of which an input is made: random numbers of a seed, or the bytes of a fuzzer.
#![expect(clippy::print_stderr, reason = "a person who repeats an input sees it there")]

use fastrand::Rng;

/// A source of choices. The same seed or the same bytes lead to the same input.
pub struct Choices<'a> {
    /// What is left of a fuzzer's bytes.
    bytes: &'a [u8],
    /// The fuzzer's bytes without the first, if they are the input itself.
    raw: Option<&'a [u8]>,
    /// Chooses when no bytes are left.
    random: Rng,
    /// Whether inputs are printed.
    is_shown: bool,
}

impl Choices<'static> {
    /// Makes the choices of one input of a seed.
    pub fn of_seed(seed: u64, index: u64) -> Self {
        // Neighbours must not begin with similar numbers.
        let mut random = Rng::with_seed(seed);
        let random = Rng::with_seed(random.u64(..) ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self { bytes: &[], raw: None, random, is_shown: false }
    }

    /// Prints the input, for a person who repeats it alone.
    #[must_use]
    pub fn shown(self) -> Self {
        Self { is_shown: true, ..self }
    }
}

impl<'a> Choices<'a> {
    /// Makes choices of a fuzzer's bytes. If the first byte is 0, the others are the input itself.
    pub fn of_bytes(bytes: &'a [u8]) -> Self {
        let raw = bytes.split_first().and_then(|(first, raw)| (*first == 0).then_some(raw));
        Self { bytes, raw, random: Rng::with_seed(0), is_shown: false }
    }

    /// Returns the input itself, if a fuzzer has given one.
    pub fn raw(&self) -> Option<&'a [u8]> {
        self.raw
    }

    /// Shows the input to a person who repeats it alone.
    pub fn show(&self, name: &str, input: &[u8]) {
        if self.is_shown {
            eprintln!("hostile: {name} of {} bytes:\n{}", input.len(), String::from_utf8_lossy(input));
        }
    }

    /// Chooses a number below this one; 0 if it is 0. A fuzzer chooses numbers below 65,536.
    pub fn number(&mut self, below: usize) -> usize {
        if below < 2 {
            return 0;
        }
        let chosen = match self.bytes {
            [first, second, rest @ ..] if below > 256 => {
                self.bytes = rest;
                usize::from(u16::from_le_bytes([*first, *second]))
            }
            [first, rest @ ..] => {
                self.bytes = rest;
                usize::from(*first)
            }
            [] => return self.random.usize(..below),
        };
        chosen % below
    }

    /// Returns true once in this many times.
    pub fn is_one_in(&mut self, times: usize) -> bool {
        self.number(times) == 0
    }

    /// Chooses an element of a list that is not empty.
    pub fn one_of<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.number(list.len())]
    }

    /// Chooses a number for a generator that has random numbers of its own.
    pub fn seed(&mut self) -> u64 {
        (0..4).fold(0, |seed, _| seed << 16 | self.number(1 << 16) as u64)
    }
}
