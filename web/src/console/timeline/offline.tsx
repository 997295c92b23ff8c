/** The page that stands alone: its document is in it (vitagraph/observe/timeline_page.py). */

import { Frame } from "../Frame";
import type { Timeline } from "../documents";
import { mount } from "../mount";
import { TimelineView } from "./TimelineView";

const text = document.getElementById("document")?.textContent;
if (!text) throw new Error("the page has no element `document` with a timeline");
const timeline = JSON.parse(text) as Timeline;

mount(
  <Frame title={timeline.id} up={null} status={null}>
    <TimelineView timeline={timeline} />
  </Frame>,
);
