import { useEffect, useState } from "react";

/** Where the person is: a feature, and the conversation in it. Both are in the address, so that a reload returns to them. */
export interface Route {
  feature: string;
  thread: string;
}

const KEY = "thread of ";

export function useRoute(features: string[]) {
  const [route, setRoute] = useState(() => read(features));

  useEffect(() => {
    const follow = () => setRoute(read(features));
    addEventListener("popstate", follow);
    return () => removeEventListener("popstate", follow);
  }, [features]);

  function go(next: Route) {
    history.pushState(null, "", address(next));
    remember(next);
    setRoute(next);
  }

  return {
    route,
    /** Opens a feature with the conversation that was open there last. */
    open: (feature: string) => go({ feature, thread: lastThread(feature) }),
    /** Begins a new conversation in the feature that is open. */
    begin: () => go({ feature: route.feature, thread: crypto.randomUUID() }),
  };
}

/** Forgets which conversations were open. For the next person who signs in. */
export function forgetThreads() {
  sessionStorage.clear();
  history.replaceState(null, "", "/");
}

function read(features: string[]): Route {
  const name = location.pathname.slice(1);
  const feature = features.includes(name) ? name : features[0];
  const thread = new URLSearchParams(location.search).get("thread") ?? lastThread(feature);
  const route = { feature, thread };
  history.replaceState(null, "", address(route));
  remember(route);
  return route;
}

const address = ({ feature, thread }: Route) => `/${feature}?thread=${encodeURIComponent(thread)}`;
const lastThread = (feature: string) => sessionStorage.getItem(KEY + feature) ?? crypto.randomUUID();
const remember = ({ feature, thread }: Route) => sessionStorage.setItem(KEY + feature, thread);
