// Run hours: the table comes from the server; here are only the clock, printing and the form.
import { runClock, setServerTime } from "./clock.js";
import { all, leaveOutEmptyFields, listenToPrint } from "./dom.js";
import { LinkWatch } from "./link.js";
import { config } from "./words.js";

setServerTime(config.time);
runClock();
new LinkWatch();
// Where not everything fits, the newest period is what one wants to see.
const newest = all("thead .period").at(-1);
const box = newest?.closest(".scroll");
if (newest && box && box.scrollWidth > box.clientWidth) {
  box.scrollLeft = newest.offsetLeft + newest.offsetWidth - box.clientWidth;
}
listenToPrint();
leaveOutEmptyFields();
