import { type MouseEvent, useEffect, useRef } from "react";

import { features } from "../features/features";

/** The list of features: at the left, or as a row above the page on a phone. */
export function Features({ current, onOpen }: { current: string; onOpen: (id: string) => void }) {
  const link = useRef<HTMLAnchorElement>(null);

  useEffect(() => {
    link.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current]);

  function follow(event: MouseEvent, id: string) {
    // A new tab is the browser's business.
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    onOpen(id);
  }

  return (
    <nav className="features" aria-label="Features">
      {features.map(({ id, title }) => {
        const isCurrent = id === current;
        return (
          <a
            key={id}
            ref={isCurrent ? link : undefined}
            href={`/${id}`}
            aria-current={isCurrent ? "page" : undefined}
            onClick={(event) => follow(event, id)}
          >
            {title}
          </a>
        );
      })}
    </nav>
  );
}
