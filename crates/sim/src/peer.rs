//! The node's side of one call, as a pure value: bytes in, things to do out.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use proto::{Command, Message, Version, command, protocol_version};

use crate::form::Form;
use crate::gossip::{self, Answer, Occasion, Part, Parts};
use crate::kind::Kind;
use crate::line::{Line, Offer, Say};
use crate::node::Node;
use crate::script::{Pace, Step};
use crate::world::World;

/// What to do next in a call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Write these bytes, in one write.
    Write(Vec<u8>),
    /// Let time pass.
    Wait(Duration),
    /// Close the connection in order.
    Close,
    /// Break the connection.
    Reset,
}

/// One call as the called node sees it. Opens no socket and reads no clock.
pub(crate) struct Peer<'n> {
    line: Line,
    mind: Mind<'n>,
}

/// What the node means to do next.
enum Deed<'n> {
    Say(Cow<'n, Say>),
    SayBy(Pace, &'n [Say]),
    Wait(Duration),
    Close,
    Reset,
}

struct Mind<'n> {
    world: &'n World,
    n: usize,
    node: &'n Node,
    occasion: Occasion,
    heard_words: bool,
    /// The caller's protocol version.
    caller: Option<i32>,
    sent_sendaddrv2: bool,
    heard_verack: bool,
    heard_getaddr: bool,
    deeds: VecDeque<Deed<'n>>,
    /// What is told when all else is done.
    afterwards: Option<Parts<'n>>,
}

impl<'n> Peer<'n> {
    /// Takes a call to the `n`th node of a world.
    pub(crate) fn accept(world: &'n World, n: usize, occasion: Occasion) -> Peer<'n> {
        let node = &world.nodes()[n];
        let mut mind = Mind {
            world,
            n,
            node,
            occasion,
            heard_words: false,
            caller: None,
            sent_sendaddrv2: false,
            heard_verack: false,
            heard_getaddr: false,
            deeds: VecDeque::new(),
            afterwards: None,
        };
        match node.kind == Kind::FullAtFirst && occasion.n_earlier == 0 {
            true => mind.deeds.push_back(Deed::Close),
            false => mind.follow(&node.script.on_accept),
        }
        Peer {
            line: Line::accept(world.chain().magic(), node.offer),
            mind,
        }
    }

    /// Takes bytes in, in pieces of any size; what answers them comes one round trip later, in one write.
    pub(crate) fn handle_bytes(&mut self, bytes: &[u8]) {
        let n_before = self.mind.deeds.len();
        let was_telling = self.mind.afterwards.is_some();
        self.mind.hear_words();
        self.line.feed(bytes);
        loop {
            match self.line.next_frame() {
                Ok(None) => break,
                Ok(Some(frame)) => {
                    let command = frame.command;
                    self.mind.hear(command, frame.payload);
                    if command == command::VERACK {
                        self.line.handle_verack();
                    }
                }
                Err(error) => {
                    if !self.line.goes_on_after(error) {
                        self.mind.deeds.push_back(Deed::Close);
                        break;
                    }
                }
            }
        }
        let opening = self.line.take_opening();
        if !opening.is_empty() {
            let say = Cow::Owned(Say::Bytes(opening));
            self.mind.deeds.insert(n_before, Deed::Say(say));
        }
        let will_tell = self.mind.afterwards.is_some() && !was_telling;
        if self.mind.deeds.len() > n_before || will_tell {
            let rtt = Deed::Wait(self.mind.node.rtt);
            self.mind.deeds.insert(n_before, rtt);
        }
    }

    /// Returns the next thing to do; drain it to `None` before the next bytes are read.
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        if self.mind.deeds.is_empty() {
            self.mind.go_on_telling();
        }
        let deeds = &mut self.mind.deeds;
        Some(match deeds.pop_front()? {
            Deed::Wait(time) => Action::Wait(time),
            Deed::Close => Action::Close,
            Deed::Reset => Action::Reset,
            Deed::SayBy(pace, said) => {
                let said: Vec<_> = said.iter().map(Cow::Borrowed).collect();
                for piece in pace.cut(&self.line.speak(&said)).into_iter().rev() {
                    deeds.push_front(Deed::Say(Cow::Owned(Say::Bytes(piece.bytes))));
                    deeds.push_front(Deed::Wait(piece.pause));
                }
                return self.poll_action();
            }
            Deed::Say(first) => {
                let mut said = vec![first];
                while let Some(Deed::Say(next)) =
                    deeds.pop_front_if(|it| matches!(it, Deed::Say(_)))
                {
                    said.push(next);
                }
                Action::Write(self.line.speak(&said))
            }
        })
    }

    /// Whether the caller sent both its `version` and its `verack`.
    pub(crate) fn has_shaken_hands(&self) -> bool {
        self.mind.heard_verack
    }
}

impl<'n> Deed<'n> {
    fn of(step: &'n Step) -> Deed<'n> {
        match step {
            Step::Say(say) => Deed::Say(Cow::Borrowed(say)),
            Step::SayBy(pace, said) => Deed::SayBy(*pace, said),
            Step::Close => Deed::Close,
            Step::Reset => Deed::Reset,
        }
    }
}

impl<'n> Mind<'n> {
    /// Some answer whatever they hear.
    fn hear_words(&mut self) {
        if !self.heard_words {
            self.heard_words = true;
            self.follow(&self.node.script.on_words);
        }
    }

    /// Whatever callers ask gets its own arm here.
    fn hear(&mut self, command: Command, payload: Option<&[u8]>) {
        let script = &self.node.script;
        match command {
            command::VERSION if self.caller.is_none() => {
                let version = payload.and_then(|it| Version::decode(it).ok());
                if self.node.offer == Offer::OldV1 && !makes_sense(version.as_ref()) {
                    return;
                }
                self.caller = Some(version.as_ref().map_or(0, |it| it.protocol_version));
                match script.echoes_nonce {
                    true => self.echo(version),
                    false => self.follow(&script.on_version),
                }
            }
            command::SENDADDRV2 if !self.heard_verack => self.sent_sendaddrv2 = true,
            command::VERACK if self.caller.is_some() && !self.heard_verack => {
                self.heard_verack = true;
                self.follow(&script.on_verack);
            }
            // As in Bitcoin Core, a question before the handshake is lost, and a second one too.
            command::GETADDR if self.heard_verack && !self.heard_getaddr => {
                self.heard_getaddr = true;
                if self.node.answers_getaddr() {
                    self.tell();
                }
            }
            command::PING if self.caller.is_some() && script.answers_pings => self.pong(payload),
            _unasked => (),
        }
    }

    fn tell(&mut self) {
        match gossip::answer(self.world, self.n, self.occasion) {
            Some(Answer::InOrder(parts)) => parts.for_each(|it| self.say_addresses(it)),
            Some(Answer::Afterwards(parts)) => self.afterwards = Some(parts),
            None => (),
        }
    }

    fn go_on_telling(&mut self) {
        let Some(parts) = &mut self.afterwards else {
            return;
        };
        match parts.next() {
            Some(part) => self.say_addresses(part),
            None => self.afterwards = None,
        }
    }

    fn say_addresses(&mut self, part: Part) {
        let (node, caller) = (self.node.version.protocol_version, self.caller.unwrap_or(0));
        let form = Form::between(node, caller, self.sent_sendaddrv2);
        if !part.pause.is_zero() {
            self.deeds.push_back(Deed::Wait(part.pause));
        }
        if let Some((command, payload)) =
            gossip::encode(self.world, self.n, self.occasion, &part, form)
        {
            self.say(command, payload);
        }
    }

    fn follow(&mut self, steps: &'n [Step]) {
        self.deeds.extend(steps.iter().map(Deed::of));
    }

    fn pong(&mut self, payload: Option<&[u8]>) {
        let nonce = payload.and_then(|it| Message::decode(command::PING, it).ok());
        if let Some(Message::Ping(Some(nonce))) = nonce {
            self.say(command::PONG, Message::Pong(nonce).encode());
        }
    }

    fn echo(&mut self, callers: Option<Version>) {
        let Some(callers) = callers else { return };
        let version = Version {
            nonce: callers.nonce,
            ..self.node.version.clone()
        };
        self.say(command::VERSION, version.encode());
    }

    fn say(&mut self, command: Command, payload: Vec<u8>) {
        let say = Cow::Owned(Say::Message(command, payload));
        self.deeds.push_back(Deed::Say(say));
    }
}

/// Whether a `version` was sent without checksum, as it was read: with one, the checksum would be its first field.
fn makes_sense(version: Option<&Version>) -> bool {
    version.is_some_and(|it| (0..=protocol_version::OURS).contains(&it.protocol_version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::frame;
    use crate::{ListedPeer, Reach, WorldConfig};
    use Hear::*;
    use proto::framing::v1::{Decoder, FrameError, HeaderForm, encode};
    use proto::framing::v2::keys::Secret;
    use proto::framing::v2::{Link, Padding};
    use proto::{Chain, Host, PeerAddr};

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
            "23 bytes, wait 80, 36 bytes, close",
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

    #[test]
    fn a_v2_caller_hears_the_same_one_exchange_later() {
        check_v2(
            &honest(),
            &[Greeting, VerackAndPing],
            "wait 80, 100 bytes, wait 80, version+wtxidrelay+sendaddrv2+verack, \
             wait 80, sendcmpct+ping+feefilter+pong",
        );
        check_v2(
            &of_kind(Kind::V2Garbage),
            &[Greeting],
            "wait 80, 4335 bytes, wait 80, version+wtxidrelay+sendaddrv2+verack",
        );
        check_v2(
            &of_kind(Kind::V2Only),
            &[Greeting],
            "wait 80, 100 bytes, wait 80, version+wtxidrelay+sendaddrv2+verack",
        );
    }

    #[test]
    fn who_does_not_know_v2_hangs_up_at_a_key() {
        for kind in [Kind::V1DespiteBit, Kind::AncientNoRelay, Kind::WrongMagic] {
            check_v2(&of_kind(kind), &[], "wait 80, close");
        }
        check_v2(
            &of_kind(Kind::V1SpeaksFirstDespiteBit),
            &[],
            "it speaks the v1 transport, wait 80, close",
        );
    }

    #[test]
    fn who_is_no_bitcoin_node_makes_no_difference() {
        check_v2(&of_kind(Kind::Silent), &[], "");
        check_v2(&of_kind(Kind::Resets), &[], "wait 80, reset");
        check_v2(
            &of_kind(Kind::SshBanner),
            &[],
            "23 bytes, wait 80, 36 bytes, close",
        );
    }

    #[test]
    fn who_speaks_v2_alone_hangs_up_at_a_version() {
        for kind in [Kind::V2Only, Kind::V2Broken] {
            check(&of_kind(kind), &[Greeting], "wait 80, close");
        }
        let broken = "wait 80, its packet 0 cannot be authenticated";
        check_v2(&of_kind(Kind::V2Broken), &[], broken);
    }

    #[test]
    fn a_node_of_2011_understands_those_who_leave_the_checksum_out() {
        let world = of_kind(Kind::WithoutChecksums);
        check(&world, &[Greeting], "");
        check(
            &world,
            &[GreetingOfOld, VerackOfOldAndQuestion],
            "wait 80, version+verack",
        );
        let kinds = [&[Kind::WithoutChecksums][..], &[Kind::Honest; 9]].concat();
        let config = WorldConfig {
            networks: "ipv4=1".parse().unwrap(),
            ..WorldConfig::default()
        };
        check(
            &World::of_kinds(&config, &kinds),
            &[GreetingOfOld, VerackOfOldAndQuestion],
            "wait 80, version+verack, wait 80, addr(9)",
        );
    }

    #[test]
    fn a_question_is_answered_once_and_before_the_pong() {
        // This one announces itself first, as every third one does.
        check(
            &crowd(70_016, "/Satoshi:30.0.0/"),
            &[GreetingV2, VerackAndQuestion, Question],
            "wait 80, version+wtxidrelay+sendaddrv2+verack, \
             wait 80, sendcmpct+ping+feefilter+addrv2(1)+addrv2(50)+pong, wait 80, pong",
        );
    }

    #[test]
    fn a_question_before_the_verack_is_lost() {
        check(
            &crowd(70_016, "/Satoshi:30.0.0/"),
            &[GreetingV2, Question, Verack],
            "wait 80, version+wtxidrelay+sendaddrv2+verack, wait 80, pong, wait 80, sendcmpct+ping+feefilter",
        );
    }

    #[test]
    fn addrv2_is_for_those_who_understand_it_and_older_nodes_know_addr_alone() {
        // Half of the crowd is in Tor, which `addr` cannot carry.
        let greets = |greeting: Hear, protocol_version, user_agent: &str, expected: &str| {
            let world = crowd(protocol_version, user_agent);
            let mut peer = call(&world);
            peer.handle_bytes(&bytes_of(&greeting));
            drain(&mut peer);
            peer.handle_bytes(&bytes_of(&VerackAndQuestion));
            let seen = drain(&mut peer).pop();
            assert_eq!(seen.as_deref(), Some(expected), "{user_agent}");
        };
        let core = "/Satoshi:30.0.0/";
        greets(
            Greeting,
            70_016,
            core,
            "sendcmpct+ping+feefilter+addr(1)+addr(24)+pong",
        );
        greets(GreetingV2, 70_015, "/bcoin:2.2.0/", "addr(29)+pong");
        let btcd = "/btcwire:0.5.0/btcd:0.26.1/";
        greets(GreetingV2, 70_016, btcd, "addrv2(50)+pong");
        greets(GreetingV2, 60_000, "/Satoshi:0.6.0/", "addr(29)");
        greets(GreetingV2, 209, "", "addr(malformed)");
    }

    #[test]
    fn liars_answer_in_their_own_ways() {
        let tells = |kind: Kind, expected: &str| {
            let kinds = [&[kind][..], &[Kind::Honest; 9]].concat();
            let world = World::of_kinds(&WorldConfig::default(), &kinds)
                .with_rtt(Duration::from_millis(80))
                .with_version(0, 70_016);
            let mut peer = call(&world);
            for hear in [GreetingV2, Verack] {
                peer.handle_bytes(&bytes_of(&hear));
                drain(&mut peer);
            }
            peer.handle_bytes(&bytes_of(&Question));
            assert_eq!(drain(&mut peer).join(", "), expected, "{kind}");
        };
        tells(Kind::TellsLate, "wait 80, pong, wait 2500, addrv2(9)");
        tells(
            Kind::TellsInParts,
            "wait 80, wait 100, addrv2(3), wait 100, addrv2(3), wait 100, addrv2(3)+pong",
        );
        tells(Kind::TellsAfterPong, "wait 80, pong, wait 1, addrv2(9)");
        tells(Kind::TellsNever, "wait 80, pong");
        tells(
            Kind::TellsForever,
            "wait 80, pong, wait 200, addrv2(2), wait 200, addrv2(2), wait 200, addrv2(1)",
        );
        tells(Kind::IgnoresQuestions, "");
        tells(Kind::TellsFakes, "wait 80, addrv2(1000)+pong");
        tells(Kind::TellsPrivate, "wait 80, addrv2(1000)+pong");
        tells(Kind::TellsFuture, "wait 80, addrv2(1000)+pong");
        tells(Kind::TellsAncient, "wait 80, addrv2(9)+pong");
        tells(
            Kind::TellsTooMany,
            "wait 80, addrv2(1000)+addrv2(1000)+addrv2(500)+pong",
        );
        tells(Kind::TellsNothing, "wait 80, addrv2(0)+pong");
        tells(Kind::TellsOneOften, "wait 80, addrv2(1000)+pong");
        tells(Kind::TellsItself, "wait 80, addrv2(1)+pong");
        tells(Kind::TellsOversize, "wait 80, addrv2(malformed)+pong");
        tells(Kind::TellsUnknown, "wait 80, addrv2(9)+pong");
    }

    #[test]
    fn full_slots_are_free_for_the_second_caller() {
        let world = of_kind(Kind::FullAtFirst);
        check(&world, &[], "close");
        let later = Occasion {
            n_earlier: 1,
            ..world.first_occasion(Reach::Proxy)
        };
        assert_eq!(Peer::accept(&world, 0, later).poll_action(), None);
    }

    enum Hear {
        Greeting,
        GreetingV2,
        Question,
        VerackAndQuestion,
        Verack,
        VerackAndPing,
        Unknown,
        Testnet,
        GreetingOfOld,
        VerackOfOldAndQuestion,
    }

    /// How much of what never ends is listened to.
    const MAX_ACTIONS: usize = 8;

    fn honest() -> World {
        let listed = ListedPeer {
            addr: PeerAddr::parse("1.2.3.4", 8333).unwrap(),
            protocol_version: 70_016,
            user_agent: b"/Satoshi:30.0.0/".to_vec(),
            services: 0xc09,
            height: 967_000,
        };
        World::from_listed(1, Chain::Mainnet, Duration::ZERO, [listed])
    }

    /// Sixty nodes of the same software, every other one in Tor.
    fn crowd(protocol_version: i32, user_agent: &str) -> World {
        let listed = (1..=60u8).map(|n| ListedPeer {
            addr: match n % 2 {
                0 => PeerAddr::new(Host::Onion([n; 32]), 8333),
                _ => PeerAddr::new(Host::Ipv4([1, 2, 3, n]), 8333),
            },
            protocol_version,
            user_agent: user_agent.as_bytes().to_vec(),
            services: 9,
            height: 1,
        });
        World::from_listed(2, Chain::Mainnet, Duration::ZERO, listed)
            .with_rtt(Duration::from_millis(80))
    }

    fn of_kind(kind: Kind) -> World {
        World::of_kinds(&WorldConfig::default(), &[kind])
    }

    #[track_caller]
    fn check(world: &World, hears: &[Hear], expected: &str) {
        let world = world.clone().with_rtt(Duration::from_millis(80));
        let mut peer = call(&world);
        let mut seen: Vec<String> = drain(&mut peer);
        for hear in hears {
            peer.handle_bytes(&bytes_of(hear));
            seen.extend(drain(&mut peer));
        }
        assert_eq!(seen.join(", "), expected);
    }

    fn call(world: &World) -> Peer<'_> {
        Peer::accept(world, 0, world.first_occasion(Reach::Proxy))
    }

    fn bytes_of(hear: &Hear) -> Vec<u8> {
        let say = |chain: Chain, command, payload: &[u8]| frame(chain.magic(), command, payload);
        let version_of = |protocol_version| {
            let version = Version {
                protocol_version,
                ..Version::default()
            };
            version.encode()
        };
        let version = version_of(70_015);
        let main = |command, payload: &[u8]| say(Chain::Mainnet, command, payload);
        let of_old = |command, payload: &[u8]| {
            let form = HeaderForm::WithoutChecksum;
            encode(Chain::Mainnet.magic(), form, command, payload)
        };
        let verack = main(command::VERACK, b"");
        let question = [main(command::GETADDR, b""), main(command::PING, &[7; 8])].concat();
        match hear {
            GreetingV2 => {
                let greeting = main(command::VERSION, &version_of(70_017));
                [greeting, main(command::SENDADDRV2, b"")].concat()
            }
            Question => question,
            VerackAndQuestion => [verack, question].concat(),
            Greeting => say(Chain::Mainnet, command::VERSION, &version),
            Verack => verack,
            VerackAndPing => [verack, say(Chain::Mainnet, command::PING, &[7; 8])].concat(),
            Unknown => say(Chain::Mainnet, Command::new("xversion"), &[1]),
            Testnet => say(Chain::Testnet3, command::VERSION, &version),
            GreetingOfOld => of_old(command::VERSION, &version_of(31_800)),
            VerackOfOldAndQuestion => [of_old(command::VERACK, b""), question].concat(),
        }
    }

    /// Says the same in v2.
    #[track_caller]
    fn check_v2(world: &World, hears: &[Hear], expected: &str) {
        let world = world.clone().with_rtt(Duration::from_millis(80));
        let magic = world.chain().magic();
        let mut peer = call(&world);
        let mut link = Link::initiate(magic, Secret::new([1; 32], [2; 32]), Padding::default());
        let mut seen = drain_v2(&mut peer, &mut link);
        peer.handle_bytes(&link.take_output());
        seen.extend(drain_v2(&mut peer, &mut link));
        for hear in hears {
            let mut decoder = Decoder::new(magic, HeaderForm::WithChecksum, 1_024);
            decoder.feed(&bytes_of(hear));
            while let Some(frame) = decoder.next_frame().unwrap() {
                let mut writer = link.writer().expect("the key was heard");
                writer.write(frame.command, frame.payload.unwrap());
            }
            peer.handle_bytes(&link.take_output());
            seen.extend(drain_v2(&mut peer, &mut link));
        }
        assert_eq!(seen.join(", "), expected);
    }

    fn drain(peer: &mut Peer<'_>) -> Vec<String> {
        drain_with(peer, name_messages)
    }

    fn drain_v2(peer: &mut Peer<'_>, link: &mut Link) -> Vec<String> {
        drain_with(peer, |bytes| {
            link.feed(bytes);
            let mut names = Vec::new();
            loop {
                match link.next_frame() {
                    Ok(Some(frame)) => names.push(frame.command.to_string()),
                    Ok(None) if names.is_empty() => return format!("{} bytes", bytes.len()),
                    Ok(None) => return names.join("+"),
                    Err(error) => return error.to_string(),
                }
            }
        })
    }

    fn drain_with(peer: &mut Peer<'_>, mut name: impl FnMut(&[u8]) -> String) -> Vec<String> {
        std::iter::from_fn(|| peer.poll_action())
            .take(MAX_ACTIONS)
            .map(|action| match action {
                Action::Write(bytes) => name(&bytes),
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
        let names = read_names(magic, HeaderForm::WithChecksum, bytes)
            .or_else(|_| read_names(magic, HeaderForm::WithoutChecksum, bytes))
            .unwrap();
        format!("{of_chain}{}", names.join("+"))
    }

    fn read_names(
        magic: [u8; 4],
        form: HeaderForm,
        bytes: &[u8],
    ) -> Result<Vec<String>, FrameError> {
        let mut decoder = Decoder::new(magic, form, 64 * 1_024);
        decoder.feed(bytes);
        let mut names = Vec::new();
        while let Some(frame) = decoder.next_frame()? {
            names.push(
                match Message::decode(frame.command, frame.payload.unwrap()) {
                    Ok(Message::Addr(entries)) => format!("addr({})", entries.len()),
                    Ok(Message::AddrV2(entries)) => format!("addrv2({})", entries.len()),
                    Ok(other) => other.command().to_string(),
                    Err(_) => format!("{}(malformed)", frame.command),
                },
            );
        }
        Ok(names)
    }
}
