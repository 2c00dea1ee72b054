const SUN = <circle cx="16" cy="16" r="6" fill="#f5b400" />;
const SMALL_SUN = <circle cx="11" cy="11" r="5" fill="#f5b400" />;
const CLOUD = <path d="M10 24a5 5 0 0 1-.6-10A7 7 0 0 1 23 13.5 5.3 5.3 0 0 1 22.5 24z" fill="#9db2c4" />;
const RAIN = <path d="M12 26l-1 3m6-3-1 3m6-3-1 3" stroke="#3b82c4" strokeWidth="2" strokeLinecap="round" />;
const FLASH = <path d="M17 23l-3 5h3l-2 4" stroke="#f5b400" strokeWidth="2" fill="none" strokeLinejoin="round" />;
const LINES = <path d="M6 12h16m-13 5h17m-20 5h14" stroke="#9db2c4" strokeWidth="2.5" strokeLinecap="round" />;

const ICONS: [RegExp, React.ReactNode][] = [
  [/thunder/i, <>{CLOUD}{FLASH}</>],
  [/rain/i, <>{CLOUD}{RAIN}</>],
  [/fog|wind|humid/i, LINES],
  [/partly/i, <>{SMALL_SUN}{CLOUD}</>],
  [/overcast|cloud/i, CLOUD],
];

/** A small picture of the weather. The words beside it say the same. */
export function WeatherIcon({ conditions }: { conditions: string }) {
  return (
    <svg viewBox="0 0 32 32" width="48" height="48" aria-hidden="true">
      {ICONS.find(([pattern]) => pattern.test(conditions))?.[1] ?? SUN}
    </svg>
  );
}
