// Run hours: the table comes from the server; here are only the clock, printing and the form.
import { runClock, setServerTime } from "./clock.js";
import { config } from "./words.js";

setServerTime(config.time);
runClock();
document.querySelector("[data-print]").addEventListener("click", () => print());
document.getElementById("filter").addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
});
