// Run hours: the table comes from the server; here are only the clock, printing and the form.
import { runClock, setServerTime } from "./clock.js";
import { config } from "./words.js";

setServerTime(config.time);
runClock();
// Where not everything fits, the newest period is what one wants to see.
const newest = [...document.querySelectorAll("thead .period")].pop();
const box = newest?.closest(".scroll");
if (box && box.scrollWidth > box.clientWidth) box.scrollLeft = newest.offsetLeft + newest.offsetWidth - box.clientWidth;
document.querySelector("[data-print]").addEventListener("click", () => print());
document.getElementById("filter").addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
});
