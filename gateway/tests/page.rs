//! The demonstration's live page as a viewer sees it: in a headless Chromium, where there is one.
#![cfg(unix)]

#[path = "page/browser.rs"]
mod browser;
#[path = "page/demo.rs"]
mod demo;

use browser::Browser;
use demo::Demo;
use std::io::Write as _;

/// A demonstration and a browser before its page; `None`, and said so, where there is no browser.
fn setup() -> Option<(Demo, Browser)> {
    let mut browser = match Browser::start() {
        Ok(browser) => browser,
        Err(reason) => {
            // Past the harness, which keeps what passing tests print to itself.
            let _ = writeln!(std::io::stderr(), "skipped: {reason}");
            return None;
        }
    };
    let demo = Demo::new();
    browser.look(1_280, "light");
    browser.open(&demo.page());
    browser.until(&card_has("sk-free", "may call"));
    browser.until(&card_has("sk-pro", "may call"));
    Some((demo, browser))
}

/// Whether the card of a key shows a text. What is hidden is no `innerText`.
fn card_has(key: &str, text: &str) -> String {
    shows(&format!("key-{key}"), text)
}

/// Whether an element shows a text, whatever the white space.
fn shows(id: &str, text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    format!("(document.getElementById('{id}')?.innerText ?? '').replace(/\\s+/g, ' ').includes({text})")
}

/// Whether all of these hold.
fn all(expressions: &[String]) -> String {
    expressions.iter().map(|expression| format!("({expression})")).collect::<Vec<_>>().join(" && ")
}

#[test]
fn a_viewer_sees_who_is_limited_now() {
    let Some((demo, mut browser)) = setup() else { return };
    // Gone after a reload.
    browser.value("window.opened = 'once'");
    browser.until(&card_has("sk-free", "20 of 20 requests a minute left"));
    browser.until(&shows("tiles", "0 calls passed 0 refused"));
    browser.until(&shows("blocks", "None."));
    browser.picture("fresh");

    for call in 1..=24 {
        assert_eq!(demo.call("sk-free"), 200, "call {call}");
    }
    assert_eq!(demo.call("sk-free"), 429);
    // At one look, since the limit is over after a minute, and the other key is not touched.
    let bar = "[...document.querySelectorAll('#chart rect')]
        .some(bar => bar.getAttribute('fill') === 'var(--coral)' && bar.getAttribute('height') > 0)";
    browser.until(&all(&[
        card_has("sk-free", "limited for"),
        card_has("sk-free", "0 of 20 requests a minute left"),
        card_has("sk-free", "Refused so far 1"),
        shows("tiles", "24 calls passed 1 refused"),
        bar.to_owned(),
        card_has("sk-pro", "may call"),
        card_has("sk-pro", "1,000 of 1,000 requests a minute left"),
        card_has("sk-pro", "Refused so far 0"),
    ]));
    browser.picture("limited");

    // Whoever calls on and on is blocked; should the block, or the limit, end before it is seen, there will be another.
    let blocked =
        all(&[shows("blocks", "127.0.0.1/32"), shows("tiles", "1 blocked"), shows("tiles", "for a block")]);
    browser.until_with(&blocked, || {
        (0..30).for_each(|_| {
            demo.call("sk-free");
        })
    });
    browser.picture("blocked");

    assert_eq!(browser.value("window.opened"), "once", "all of it without a reload");
    assert_eq!(browser.troubles(), Vec::<String>::new());
}

/// Presses a button of a key's card.
fn press(key: &str, text: &str) -> String {
    format!(
        "[...document.querySelectorAll('#key-{key} button')].find(button => button.innerText === '{text}').click()"
    )
}

#[test]
fn its_buttons_call() {
    let Some((_demo, mut browser)) = setup() else { return };
    browser.value(&press("sk-pro", "A stream"));
    browser.until(&card_has("sk-pro", "events so far"));
    browser.until(&card_has("sk-pro", "1 × 200"));
    browser.until(&card_has("sk-pro", "999 of 1,000 requests a minute left"));
    assert_eq!(browser.troubles(), Vec::<String>::new());

    // Once is enough, but where 25 calls take so long that there is room again.
    let refused = card_has("sk-free", " × 429; retry-after: ");
    for _ in 0..5 {
        browser.value(&press("sk-free", "25 calls"));
        browser.until("document.querySelector('#key-sk-free .last').innerText.includes(' × ')");
        if browser.value(&refused) == true {
            break;
        }
    }
    browser.until(&all(&[refused, card_has("sk-free", "limited for")]));
    // The browser itself notes what was refused, and nothing else.
    let troubles = browser.troubles();
    assert!(!troubles.is_empty(), "it notes nothing");
    assert!(troubles.iter().all(|trouble| trouble.contains("status of 429")), "{troubles:?}");
}

#[test]
fn it_says_that_the_gateway_is_gone_and_comes_back_with_it() {
    let Some((demo, mut browser)) = setup() else { return };
    let address = demo.address().to_owned();
    let lost = "document.getElementById('lost').innerText.includes('The gateway does not answer.')
        && document.getElementById('lost').offsetParent !== null";
    assert_eq!(browser.value(lost), false);
    demo.call("sk-free");
    browser.until(&card_has("sk-free", "19 of 20"));
    drop(demo);
    browser.until(lost);
    browser.value(&press("sk-pro", "One call"));
    browser.until(&card_has("sk-pro", "The gateway does not answer."));
    // Nothing but that the browser could not connect.
    let troubles = browser.troubles();
    assert!(troubles.iter().all(|trouble| trouble.contains("net::ERR_")), "{troubles:?}");
    browser.picture("lost");
    // Should another program have taken the port meanwhile, there is nothing to see.
    let Some(_demo) = Demo::on(&address) else { return };
    browser.until(&card_has("sk-free", "20 of 20"));
    browser.until(&format!("!({lost})"));
}

/// The least contrast of a text with what is behind it, as WCAG 2 counts it, and that text.
const LEAST_CONTRAST: &str = r#"(() => {
  const parse = color => color.match(/[\d.]+/g).map(Number);
  const light = color => {
    const [r, g, b] = parse(color).map(part => part / 255).map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (parse(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  let least = [21, ""];
  while (texts.nextNode()) {
    const text = texts.currentNode.data.trim(), element = texts.currentNode.parentElement;
    if (!text || !element.offsetParent) continue;
    const [one, other] = [light(getComputedStyle(element).color), light(ground(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < least[0]) least = [contrast, text];
  }
  return least;
})()"#;

#[test]
fn it_can_be_read_on_any_screen() {
    let Some((demo, mut browser)) = setup() else { return };
    (0..25).for_each(|_| {
        demo.call("sk-free");
    });
    browser.until_with(&shows("blocks", "127.0.0.1/32"), || {
        (0..30).for_each(|_| {
            demo.call("sk-free");
        })
    });
    for scheme in ["light", "dark"] {
        for width in [320, 390, 720, 1_280] {
            browser.look(width, scheme);
            browser.until(&format!("innerWidth === {width}"));
            let beyond = "[...document.querySelectorAll('main, main *:not(pre):not(pre *)')]
                .filter(element => element.getBoundingClientRect().right > innerWidth)
                .map(element => element.outerHTML.slice(0, 80))";
            assert_eq!(browser.value(beyond), serde_json::json!([]), "{width} pixels");
            browser.picture(&format!("{scheme}-{width}"));
        }
        let least = browser.value(LEAST_CONTRAST);
        assert!(least[0].as_f64().unwrap() >= 4.5, "{scheme}: {least}");
    }
    assert_eq!(browser.troubles(), Vec::<String>::new());
}
