// What every page has: its live parts, its clock, its keys. The page is right without it: every part is what the server
// made, and a reload shows the same.
import { startClock } from "./clock.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";

startClock();
startKeys();
startLive();
