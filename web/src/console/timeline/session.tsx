import { mount } from "../mount";
import { SessionPage } from "./SessionPage";

mount(<SessionPage id={decodeURIComponent(location.pathname.split("/").at(-1) ?? "")} />);
