//! The node's side of one call, as a pure value: bytes in, things to do out.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use proto::framing::v1::{Decoder, HeaderForm};
use proto::{Command, Message, Version, command};

use crate::node::Node;
use crate::script::{Step, frame};

/// The most payload bytes of one message that a node reads; callers have nothing longer to say.
const MAX_HEARD: usize = 4 * 1024;

/// What to do next in a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action<'n> {
    /// Write these bytes, in one write.
    Write(Cow<'n, [u8]>),
    /// Let time pass.
    Wait(Duration),
    /// Close the connection in order.
    Close,
    /// Break the connection.
    Reset,
}

/// One call as the called node sees it. Opens no socket and reads no clock.
#[derive(Debug)]
pub(crate) struct Peer<'n> {
    decoder: Decoder,
    mind: Mind<'n>,
}

#[derive(Debug)]
struct Mind<'n> {
    node: &'n Node,
    magic: [u8; 4],
    heard_version: bool,
    heard_verack: bool,
    actions: VecDeque<Action<'n>>,
}

impl<'n> Peer<'n> {
    /// Takes a call to `node`, whose messages start with `magic`.
    pub(crate) fn accept(node: &'n Node, magic: [u8; 4]) -> Peer<'n> {
        let mut mind = Mind {
            node,
            magic,
            heard_version: false,
            heard_verack: false,
            actions: VecDeque::new(),
        };
        mind.follow(&node.script.on_accept);
        Peer {
            decoder: Decoder::new(magic, HeaderForm::WithChecksum, MAX_HEARD),
            mind,
        }
    }

    /// Takes bytes in, in pieces of any size; what answers them comes one round trip later, in one write.
    pub(crate) fn handle_bytes(&mut self, bytes: &[u8]) {
        let n_before = self.mind.actions.len();
        self.decoder.feed(bytes);
        loop {
            match self.decoder.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) => self.mind.hear(frame.command, frame.payload),
                Err(error) if error.is_fatal() => {
                    self.mind.actions.push_back(Action::Close);
                    break;
                }
                // As in Bitcoin Core, a spoilt message is passed over.
                Err(_) => (),
            }
        }
        if self.mind.actions.len() > n_before {
            let rtt = Action::Wait(self.mind.node.rtt);
            self.mind.actions.insert(n_before, rtt);
        }
    }

    /// Returns the next thing to do; drain it to `None` before the next bytes are read.
    pub(crate) fn poll_action(&mut self) -> Option<Action<'n>> {
        self.mind.actions.pop_front()
    }

    /// Whether the caller sent both its `version` and its `verack`.
    pub(crate) fn has_shaken_hands(&self) -> bool {
        self.mind.heard_verack
    }
}

impl<'n> Mind<'n> {
    /// Whatever else callers ask, above all `getaddr`, gets its own arm here and its own list in the script.
    fn hear(&mut self, command: Command, payload: Option<&[u8]>) {
        let script = &self.node.script;
        match command {
            command::VERSION if !self.heard_version => {
                self.heard_version = true;
                match script.echoes_nonce {
                    true => self.echo(payload),
                    false => self.follow(&script.on_version),
                }
            }
            command::VERACK if self.heard_version && !self.heard_verack => {
                self.heard_verack = true;
                self.follow(&script.on_verack);
            }
            command::PING if self.heard_version && script.answers_pings => self.pong(payload),
            _unasked => (),
        }
    }

    fn follow(&mut self, steps: &'n [Step]) {
        for step in steps {
            match step {
                Step::Say(bytes) => self.write(Cow::Borrowed(bytes)),
                Step::Wait(time) => self.actions.push_back(Action::Wait(*time)),
                Step::Close => self.actions.push_back(Action::Close),
                Step::Reset => self.actions.push_back(Action::Reset),
            }
        }
    }

    fn pong(&mut self, payload: Option<&[u8]>) {
        let nonce = payload.and_then(|it| Message::decode(command::PING, it).ok());
        if let Some(Message::Ping(Some(nonce))) = nonce {
            let pong = Message::Pong(nonce).encode();
            self.write(Cow::Owned(frame(self.magic, command::PONG, &pong)));
        }
    }

    fn echo(&mut self, payload: Option<&[u8]>) {
        let Some(Ok(callers)) = payload.map(Version::decode) else {
            return;
        };
        let version = Version {
            nonce: callers.nonce,
            ..self.node.version.clone()
        };
        let bytes = frame(self.magic, command::VERSION, &version.encode());
        self.write(Cow::Owned(bytes));
    }

    fn write(&mut self, bytes: Cow<'n, [u8]>) {
        match self.actions.back_mut() {
            Some(Action::Write(answer)) => answer.to_mut().extend_from_slice(&bytes),
            _ => self.actions.push_back(Action::Write(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, ListedPeer, World, WorldConfig};
    use Hear::*;
    use proto::{Chain, PeerAddr};

    #[test]
    fn an_honest_node_answers_each_exchange_in_one_write() {
        check(
            &honest(),
            &[Greeting, Verack],
            "wait 80, version+wtxidrelay+sendaddrv2+verack, wait 80, sendcmpct+ping+feefilter",
        );
        check(
            &honest(),
            &[Greeting, VerackAndPing],
            "wait 80, version+wtxidrelay+sendaddrv2+verack, wait 80, sendcmpct+ping+feefilter+pong",
        );
    }

    #[test]
    fn nothing_is_answered_before_the_version_and_nothing_twice() {
        check(&honest(), &[Verack, VerackAndPing, Unknown], "");
        check(
            &honest(),
            &[Greeting, Greeting, Unknown],
            "wait 80, version+wtxidrelay+sendaddrv2+verack",
        );
    }

    #[test]
    fn bcoin_speaks_first() {
        check(
            &of_kind(Kind::SpeaksFirst),
            &[Greeting, VerackAndPing],
            "version, wait 80, verack+sendcmpct+getaddr, wait 80, pong",
        );
    }

    #[test]
    fn the_hostile_stay_in_character() {
        check(&of_kind(Kind::Silent), &[Greeting, VerackAndPing], "");
        check(&of_kind(Kind::ClosesAtOnce), &[], "close");
        check(&of_kind(Kind::Resets), &[Greeting], "wait 80, reset");
        check(
            &of_kind(Kind::HangsUp),
            &[Greeting],
            "wait 80, version, close",
        );
        check(
            &of_kind(Kind::SshBanner),
            &[Greeting],
            "32 bytes, wait 80, 36 bytes, close",
        );
        check(
            &of_kind(Kind::AncientShort),
            &[Greeting, Verack],
            "wait 80, version",
        );
        check(
            &of_kind(Kind::SelfConnection),
            &[Greeting],
            "wait 80, version",
        );
        check(
            &of_kind(Kind::WrongMagic),
            &[Greeting],
            "wait 80, testnet3 version+verack",
        );
    }

    #[test]
    fn a_caller_of_another_chain_is_left() {
        check(&honest(), &[Testnet], "wait 80, close");
    }

    enum Hear {
        Greeting,
        Verack,
        VerackAndPing,
        Unknown,
        Testnet,
    }

    fn honest() -> Node {
        let listed = ListedPeer {
            addr: PeerAddr::parse("1.2.3.4", 8333).unwrap(),
            protocol_version: 70_016,
            user_agent: b"/Satoshi:30.0.0/".to_vec(),
            services: 0xc09,
            height: 967_000,
        };
        World::from_listed(1, Chain::Mainnet, Duration::ZERO, [listed]).nodes()[0].clone()
    }

    fn of_kind(kind: Kind) -> Node {
        World::of_kinds(&WorldConfig::default(), &[kind]).nodes()[0].clone()
    }

    #[track_caller]
    fn check(node: &Node, hears: &[Hear], expected: &str) {
        let node = Node {
            rtt: Duration::from_millis(80),
            ..node.clone()
        };
        let mut peer = Peer::accept(&node, Chain::Mainnet.magic());
        let mut seen: Vec<String> = drain(&mut peer);
        for hear in hears {
            peer.handle_bytes(&bytes_of(hear));
            seen.extend(drain(&mut peer));
        }
        assert_eq!(seen.join(", "), expected);
    }

    fn bytes_of(hear: &Hear) -> Vec<u8> {
        let say = |chain: Chain, command, payload: &[u8]| frame(chain.magic(), command, payload);
        let version = Version::default().encode();
        let verack = say(Chain::Mainnet, command::VERACK, b"");
        match hear {
            Greeting => say(Chain::Mainnet, command::VERSION, &version),
            Verack => verack,
            VerackAndPing => [verack, say(Chain::Mainnet, command::PING, &[7; 8])].concat(),
            Unknown => say(Chain::Mainnet, Command::new("xversion"), &[1]),
            Testnet => say(Chain::Testnet3, command::VERSION, &version),
        }
    }

    fn drain(peer: &mut Peer<'_>) -> Vec<String> {
        std::iter::from_fn(|| peer.poll_action())
            .map(|action| match action {
                Action::Write(bytes) => name_messages(&bytes),
                Action::Wait(time) => format!("wait {}", time.as_millis()),
                Action::Close => "close".to_owned(),
                Action::Reset => "reset".to_owned(),
            })
            .collect()
    }

    fn name_messages(bytes: &[u8]) -> String {
        let magic = *bytes.first_chunk().unwrap();
        let of_chain = match Chain::from_magic(magic) {
            None => return format!("{} bytes", bytes.len()),
            Some(Chain::Mainnet) => String::new(),
            Some(chain) => format!("{chain} "),
        };
        let mut decoder = Decoder::new(magic, HeaderForm::WithChecksum, MAX_HEARD);
        decoder.feed(bytes);
        let mut names = Vec::new();
        while let Some(frame) = decoder.next_frame().unwrap() {
            names.push(frame.command.to_string());
        }
        format!("{of_chain}{}", names.join("+"))
    }
}
