import { ServerClock } from "../../conectpy/web/static/js/core/server_clock.js";
import { equal, test } from "./harness.js";

const NOON = "2026-03-01T12:00:00Z";
const noon = Date.parse(NOON);

test("before the server has spoken there is no time", () => equal(new ServerClock().at(5), null));

test("what is no time changes nothing", () => {
  const clock = new ServerClock();
  clock.take(null, 0);
  clock.take("noon", 0);
  equal(clock.at(0), null);
  clock.take(NOON, 100);
  clock.take("", 50000);
  equal(clock.at(50100), noon + 50000);
});

test("it goes on by the steady clock", () => {
  const clock = new ServerClock();
  clock.take(NOON, 1000);
  equal(clock.at(3500), noon + 2500);
});

test("a late message does not put it back", () => {
  const clock = new ServerClock();
  clock.take(NOON, 1000);
  clock.take("2026-03-01T12:00:01Z", 4000); // three seconds later, but only one by the server: two on the way
  equal(clock.at(4000), noon + 3000);
});

test("a faster message puts it forward", () => {
  const clock = new ServerClock();
  clock.take(NOON, 1000);
  clock.take("2026-03-01T12:00:04Z", 4000);
  equal(clock.at(4000), noon + 4000);
});

test("a server whose clock was set back is believed after half a minute", () => {
  const clock = new ServerClock();
  clock.take(NOON, 0);
  clock.take("2026-03-01T11:00:00Z", 29000);
  equal(clock.at(29000), noon + 29000);
  clock.take("2026-03-01T11:00:10Z", 31000);
  equal(clock.at(31000), Date.parse("2026-03-01T11:00:10Z"));
});
