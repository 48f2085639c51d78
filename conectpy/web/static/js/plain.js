// Pages that only need the clock.
import { config } from "./words.js";
import { runClock, setServerTime } from "./clock.js";

if (config.time) setServerTime(config.time);
runClock();
