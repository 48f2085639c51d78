import { severityOf, stateKind } from "../../conectpy/web/static/js/core/kinds.js";
import { table } from "./harness.js";

table("stateKind", stateKind, [
  [["P002_ST_SCADA", "Bomba de retrolavado"], "pump"],
  [["P002_ST", ""], "pump"],
  [["p2", null], "pump"],
  [["PUMP", ""], "other"],
  [["X1", "Pump 3"], "pump"],
  [["X1", "bombardeo"], "pump"],
  [["VE238_ST", ""], "valve"],
  [["MV1", undefined], "valve"],
  [["X1", "Válvula de entrada"], "valve"],
  [["X1", "valvula"], "valve"],
  [["ALARM_X0_1", "Nivel bajo"], "alarm"],
  [["P002_FAULT", "Bomba"], "alarm"],
  [["P002_ST", "Avería de bomba"], "alarm"],
  [["X1", "AVERIA"], "alarm"],
  [["Program:Main.P002_ST", ""], "pump"],
  [["PUMPS.VE1", ""], "valve"],
  [["ALARM.P1", ""], "alarm"],
  [["LEVEL_OK", "Nivel"], "other"],
  [["", ""], "other"],
]);

table("severityOf", severityOf, [
  [["OK", false], 0],
  [["OK", true], 5],
  [["INIT", false], 10],
  [["BAD", false], 20],
  [["BAD", true], 25],
  [["DOWN", false], 30],
  [["something new", false], 30],
]);
