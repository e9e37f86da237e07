//! Questions to a router and its answers, a line each.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use proto::text::escape;

use super::{MAX_REASON, Trouble};

/// The longest line that a router may send, in bytes. A destination with its keys has some 900.
const MAX_LINE: usize = 4 * 1024;

/// A connection to a router, and what was read of it but not used yet.
#[derive(Debug)]
pub(super) struct Talk<S> {
    stream: S,
    buffer: Vec<u8>,
}

/// What a router says, as `STREAM STATUS RESULT=CANT_REACH_PEER MESSAGE="no lease set"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// How it went: `OK`, or one of the words for failures.
    pub(super) result: String,
    /// What the router adds for people.
    pub(super) message: Option<String>,
    /// What it found.
    pub(super) value: Option<String>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    pub(super) fn new(stream: S) -> Talk<S> {
        Talk {
            stream,
            buffer: Vec::new(),
        }
    }

    /// Asks, and reads the answer, which begins with `topic`.
    pub(super) async fn ask(&mut self, question: &str, topic: &str) -> Result<Answer, Trouble> {
        let line = format!("{question}\n");
        self.stream
            .write_all(line.as_bytes())
            .await
            .map_err(broken)?;
        let line = self.read_line().await?;
        Answer::parse(&line, topic).ok_or_else(|| {
            let said = escape(&line, MAX_REASON);
            Trouble::Router(format!("the I2P router said what is no {topic}: {said}"))
        })
    }

    /// Waits until the router hangs up, and returns why; what it says is not for us.
    pub(super) async fn wait_for_end(&mut self) -> Trouble {
        let mut unread = [0; 256];
        self.buffer = Vec::new();
        loop {
            match self.stream.read(&mut unread).await {
                Ok(0) => return hung_up(),
                Ok(_) => (),
                Err(error) => return broken(error),
            }
        }
    }

    /// Returns the stream, and what came behind the last line.
    pub(super) fn into_stream(self) -> (S, Vec<u8>) {
        (self.stream, self.buffer)
    }

    async fn read_line(&mut self) -> Result<String, Trouble> {
        loop {
            if let Some(len) = self.buffer.iter().position(|it| *it == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=len).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            let room = MAX_LINE - self.buffer.len();
            if room == 0 {
                let why = format!("the I2P router sent a line of more than {MAX_LINE} bytes");
                return Err(Trouble::Router(why));
            }
            let mut bounded = (&mut self.stream).take(room as u64);
            match bounded.read_buf(&mut self.buffer).await {
                Ok(0) => return Err(hung_up()),
                Ok(_) => (),
                Err(error) => return Err(broken(error)),
            }
        }
    }
}

impl Answer {
    /// Reads a line that begins with `topic`; `None` where it does not, or says no result.
    fn parse(line: &str, topic: &str) -> Option<Answer> {
        let mut rest = line.strip_prefix(topic)?;
        let mut answer = Answer::default();
        while let Some((key, behind)) = rest.trim_start().split_once('=') {
            let (value, behind) = split_value(behind);
            match key {
                "RESULT" => answer.result = value.to_owned(),
                "MESSAGE" => answer.message = Some(value.to_owned()),
                "VALUE" => answer.value = Some(value.to_owned()),
                _ => (), // NAME repeats what was asked, DESTINATION is a secret.
            }
            rest = behind;
        }
        (!answer.result.is_empty()).then_some(answer)
    }
}

/// Splits a value, which is in quotes where there are spaces in it, from what is behind it.
fn split_value(text: &str) -> (&str, &str) {
    let quoted = text.strip_prefix('"').and_then(|it| it.split_once('"'));
    quoted
        .or_else(|| text.split_once(' '))
        .unwrap_or((text, ""))
}

fn hung_up() -> Trouble {
    Trouble::Router("the I2P router hung up".to_owned())
}

fn broken(error: std::io::Error) -> Trouble {
    Trouble::Router(format!("the connection to the I2P router broke: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::duplex;

    #[test]
    fn an_answer_is_read_whatever_its_order_and_quotes() {
        check("STREAM STATUS RESULT=OK", "OK||");
        check("STREAM STATUS  RESULT=OK  VALUE=ab==", "OK||ab==");
        check(
            "STREAM STATUS MESSAGE=\"no = lease set\" X=\"\" RESULT=TIMEOUT",
            "TIMEOUT|no = lease set|",
        );
        check(
            "STREAM STATUS RESULT=I2P_ERROR MESSAGE=bare",
            "I2P_ERROR|bare|",
        );
        check("STREAM STATUS RESULT=OK MESSAGE=\"open", "OK|\"open|");
        check("STREAM STATUS", "none");
        check("STREAM STATUS RESULT=", "none");
        check("SESSION STATUS RESULT=OK", "none");
        check("", "none");
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            result in "[A-Z_]{1,20}",
            message in "[ -!#-~é]{0,40}",
            value in "[A-Za-z0-9~=-]{1,40}",
            is_turned in any::<bool>(),
        ) {
            let pairs = [format!("RESULT={result}"), format!("MESSAGE=\"{message}\" VALUE={value}")];
            let [first, second] = if is_turned { [&pairs[1], &pairs[0]] } else { [&pairs[0], &pairs[1]] };
            let answer = Answer::parse(&format!("NAMING REPLY {first} {second}"), "NAMING REPLY");
            let (message, value) = (Some(message), Some(value));
            prop_assert_eq!(answer, Some(Answer { result, message, value }));
        }

        #[test]
        fn any_line_is_an_answer_or_none(rest in "[ -~é=\"]{0,60}") {
            let _ = Answer::parse(&format!("NAMING REPLY{rest}"), "NAMING REPLY");
        }
    }

    #[tokio::test]
    async fn a_line_may_come_in_pieces_and_with_more_behind_it() {
        for size in [1, 7, 64] {
            let (ours, theirs) = duplex(4_096);
            tokio::spawn(async move {
                let mut theirs = theirs;
                for piece in b"STREAM STATUS RESULT=OK\r\nhello".chunks(size) {
                    theirs.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                }
                std::future::pending::<()>().await;
            });
            let mut talk = Talk::new(ours);
            let answer = talk.ask("?", "STREAM STATUS").await.unwrap();
            assert_eq!((answer.result.as_str(), answer.message), ("OK", None));
            let (mut stream, mut early) = talk.into_stream();
            while early.len() < 5 {
                stream.read_buf(&mut early).await.unwrap();
            }
            assert_eq!(early, b"hello");
        }
    }

    #[tokio::test]
    async fn what_is_no_answer_is_the_routers_trouble() {
        let no_topic = "the I2P router said what is no STREAM STATUS: ";
        check_trouble(b"\x1b[2J\xff\n", &format!("{no_topic}\\u{{1b}}[2J\u{fffd}")).await;
        check_trouble(b"\n", no_topic).await;
        check_trouble(b"STREAM STATUS RESULT=OK", "the I2P router hung up").await;
        let too_long = "the I2P router sent a line of more than 4096 bytes";
        check_trouble(&[b'x'; 10_000], too_long).await;
    }

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let seen = Answer::parse(line, "STREAM STATUS").map_or("none".to_owned(), |it| {
            let [message, value] = [it.message, it.value].map(Option::unwrap_or_default);
            format!("{}|{message}|{value}", it.result)
        });
        assert_eq!(seen, expected, "{line}");
    }

    async fn check_trouble(said: &'static [u8], expected: &str) {
        let (ours, mut theirs) = duplex(64);
        tokio::spawn(async move {
            let _ = theirs.write_all(said).await;
        });
        match Talk::new(ours).ask("", "STREAM STATUS").await {
            Err(Trouble::Router(why)) => assert_eq!(why, expected),
            other => panic!("{other:?}"),
        }
    }
}
