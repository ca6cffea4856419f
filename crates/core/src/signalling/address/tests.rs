use alloc::string::ToString;

use proptest::prelude::*;

use super::*;

const ROOM: &str = "AAAAAAAAAAAAAAAAAAAAAA";
const SECRET: &str = "AQEBAQEBAQEBAQEBAQEBAQ";

fn read(text: &str, server: Option<&str>) -> Result<RoomAddress, AddressError> {
    let text = text.replace("ROOM", ROOM).replace("SECRET", SECRET);
    RoomAddress::parse(&text, server)
}

/// every form of address leads to the server it names.
#[test]
fn every_form_leads_to_its_server() {
    let forms = [
        ("https://page.example/#ROOM.SECRET", None, "wss://page.example/meshlace/v1"),
        ("https://page.example:444/a?b#ROOM.SECRET", None, "wss://page.example:444/meshlace/v1"),
        ("http://localhost:4242/#ROOM.SECRET", None, "ws://localhost:4242/meshlace/v1"),
        ("http://192.168.1.7:4242/#ROOM.SECRET", None, "ws://192.168.1.7:4242/meshlace/v1"),
        ("http://page.example:80/#ROOM.SECRET", None, "ws://page.example/meshlace/v1"),
        ("https://page.example/#ROOM.SECRET@mesh.example", None, "wss://mesh.example/meshlace/v1"),
        ("https://page/#ROOM.SECRET%40mesh.example", None, "wss://mesh.example/meshlace/v1"),
        ("https://page/#ROOM.SECRET@localhost:1", None, "ws://localhost:1/meshlace/v1"),
        ("https://page/#ROOM.SECRET@wss://localhost:1", None, "wss://localhost:1/meshlace/v1"),
        ("http://page/#ROOM.SECRET@mesh.example", None, "ws://mesh.example/meshlace/v1"),
        ("wss://mesh.example/#ROOM.SECRET", None, "wss://mesh.example/meshlace/v1"),
        ("wss://mesh.example/meshlace/v1#ROOM.SECRET", None, "wss://mesh.example/meshlace/v1"),
        ("ws://[::1]:4242#ROOM.SECRET", None, "ws://[::1]:4242/meshlace/v1"),
        ("#ROOM.SECRET@Mesh.Example", None, "wss://mesh.example/meshlace/v1"),
        ("ROOM.SECRET@[0:0::0001]:7", None, "ws://[::1]:7/meshlace/v1"),
        ("ROOM.SECRET", Some("https://mesh.example/"), "wss://mesh.example/meshlace/v1"),
        ("https://page/#ROOM.SECRET", Some("ws://dev:1"), "ws://dev:1/meshlace/v1"),
        ("https://page/#ROOM.SECRET@a", Some("b"), "wss://a/meshlace/v1"),
        ("wss://a/#ROOM.SECRET", Some("b"), "wss://a/meshlace/v1"),
        ("file:///a/b.html#ROOM.SECRET@mesh.example", None, "wss://mesh.example/meshlace/v1"),
        ("capacitor://localhost#ROOM.SECRET", Some("ws://a:1"), "ws://a:1/meshlace/v1"),
        ("kitchen", Some("wss://mesh.example"), "wss://mesh.example/meshlace/v1"),
    ];
    for (text, option, url) in forms {
        assert_eq!(read(text, option).map(|address| address.socket_url()), Ok(url.to_string()));
    }
}

/// the default port is left out, as browsers leave it out of the `Host` header.
#[test]
fn host_is_what_a_browser_sends() {
    let host = |text: &str| read(text, None).map(|address| address.host().to_string());
    assert_eq!(host("wss://MESH.example:443/#ROOM.SECRET"), Ok("mesh.example".to_string()));
    assert_eq!(host("ws://mesh.example:443/#ROOM.SECRET"), Ok("mesh.example:443".to_string()));
    assert_eq!(host("ws://[::ffff:1.2.3.4]/#ROOM.SECRET"), Ok("[::ffff:102:304]".to_string()));
}

/// an invite reads back to the same room and server.
#[test]
fn invite_reads_back_to_the_same_room() {
    let cases = [
        (Some("https://page.example/app?x=1#old"), "wss://page.example"),
        (Some("https://page.example/"), "wss://mesh.example:9"),
        (Some("https://page.example/"), "ws://127.0.0.1:4242"),
        (Some("http://localhost:5173/"), "ws://localhost:4242"),
        (Some("http://localhost:5173/"), "wss://mesh.example"),
        (Some("https://page.example/"), "ws://plain.example"),
        (Some("file:///a/b.html"), "wss://mesh.example"),
        (None, "wss://mesh.example"),
    ];
    for (page, server) in cases {
        let made = RoomAddress::create([7; 16], [8; 16], page, server).expect("an address");
        let read = RoomAddress::parse(&made.to_text(), None).expect("reads back");
        assert_eq!((read.room(), read.server()), (made.room(), made.server()), "{page:?} {server}");
        assert_eq!(read.to_text(), made.to_text());
    }
    let same_host = RoomAddress::create([7; 16], [8; 16], Some("https://a/b"), "a").expect("made");
    assert!(!same_host.to_text().contains('@'), "the page's own host goes without saying");
}

/// each thing that can be wrong has its own refusal.
#[test]
fn every_fault_has_its_refusal() {
    let refusals = [
        ("", None, AddressError::Empty),
        ("https://page.example/", None, AddressError::MissingFragment),
        ("https://page.example/#", None, AddressError::MissingFragment),
        ("https://page.example/#ROOM", None, AddressError::MissingSecret),
        ("https://page.example/#AA.SECRET", None, AddressError::RoomLength { found: 1 }),
        ("#RO+M.SECRET@a", None, AddressError::RoomText),
        ("ROOM.SEC+RET@a", None, AddressError::SecretText),
        ("ROOM.AAAA", Some("a"), AddressError::SecretLength { min: 16, max: 64, found: 3 }),
        ("ROOM.SECRET", None, AddressError::MissingServer),
        ("kitchen", None, AddressError::MissingServer),
        ("my.kitchen", Some("a"), AddressError::RoomText),
        ("a/b", Some("a"), AddressError::Name { found: '/' }),
        ("ftp://page/#ROOM.SECRET", None, AddressError::Scheme),
        ("1a://page/#ROOM.SECRET@a", None, AddressError::Scheme),
        ("page/#ROOM.SECRET", None, AddressError::Scheme),
        ("https://user:word@page/#ROOM.SECRET", None, AddressError::UserInfo),
        ("wss://mesh/path#ROOM.SECRET", None, AddressError::Path),
        ("ROOM.SECRET@mesh/path", None, AddressError::Path),
        ("ROOM.SECRET@mesh:0", None, AddressError::Port),
        ("ROOM.SECRET@mesh:65536", None, AddressError::Port),
        ("ROOM.SECRET@mesh:+1", None, AddressError::Port),
        ("ROOM.SECRET@me sh", None, AddressError::Host),
        ("ROOM.SECRET@127.1", None, AddressError::Host),
        ("ROOM.SECRET@0x7f000001", None, AddressError::Host),
        ("ROOM.SECRET@[::1", None, AddressError::Host),
        ("ROOM.SECRET@", None, AddressError::Host),
        ("ROOM.SECRET@m\u{fc}sh", None, AddressError::Host),
    ];
    for (text, option, refusal) in refusals {
        assert_eq!(read(text, option).map(|_| ()), Err(refusal), "{text}");
        assert!(!refusal.to_string().contains(SECRET));
    }
    let long = "a".repeat(ADDRESS_BYTES_MAX + 1);
    assert!(matches!(read(&long, None), Err(AddressError::TooLong { .. })));
    let name = "a".repeat(ROOM_NAME_BYTES_MAX + 1);
    assert!(matches!(read(&name, Some("a")), Err(AddressError::TooLong { .. })));
}

/// no invite that lost its end opens a public room.
#[test]
fn cut_invite_never_opens_a_public_room() {
    let whole = "#ROOM.SECRET".replace("ROOM", ROOM).replace("SECRET", SECRET);
    for len in 0..whole.len() {
        if let Ok(address) = RoomAddress::parse(&whole[..len], Some("mesh.example")) {
            assert!(!address.room().is_public(), "prefix of {len}");
        }
    }
}

#[test]
fn secret_is_not_printed() {
    let address = read("wss://a/#ROOM.SECRET", None).expect("reads");
    assert!(!alloc::format!("{address:?}").contains(SECRET));
}

proptest! {
    /// arbitrary text never panics, and what is read reads back the same.
    #[test]
    fn arbitrary_text_never_panics(
        text in "(https?|wss?|#|)(://|)[a-z0-9:@\\[\\]/.#%]{0,40}([A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{22})?.{0,12}",
        server in proptest::option::of("[a-z0-9:/.\\[\\]]{1,20}"),
    ) {
        if let Ok(address) = RoomAddress::parse(&text, server.as_deref()) {
            let again = RoomAddress::parse(&address.to_text(), Some(&address.server().origin()));
            prop_assert_eq!(again.map(|again| again.socket_url()), Ok(address.socket_url()));
        }
    }
}
