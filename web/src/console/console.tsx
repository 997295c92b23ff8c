import { ConsolePage } from "./ConsolePage";
import { mount } from "./mount";

mount(<ConsolePage />);
