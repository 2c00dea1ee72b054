import type { ReactNode } from "react";

interface Props {
  /** The name of the card for assistive technology, such as "Weather in Tokyo". */
  label: string;
  title?: ReactNode;
  /** What is going on, in a word or two. */
  status?: ReactNode;
  children?: ReactNode;
  className?: string;
}

/** A card in the chat. */
export function Card({ label, title, status, children, className = "" }: Props) {
  return (
    <section className={`card ${className}`} aria-label={label}>
      {(title ?? status) !== undefined && (
        <header>
          <strong>{title}</strong>
          {status !== undefined && <span className="status" role="status">{status}</span>}
        </header>
      )}
      {children}
    </section>
  );
}
