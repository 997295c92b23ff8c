import type { ReactNode } from "react";

function Icon({ children }: { children: ReactNode }): ReactNode {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {children}
    </svg>
  );
}

export const PhoneIcon = (): ReactNode => (
  <Icon>
    <path d="M6.500 3.500h3l1.500 4-2 1.700a12 12 0 0 0 5.800 5.800l1.700-2 4 1.500v3a2 2 0 0 1-2.200 2A16.500 16.500 0 0 1 4.500 5.700a2 2 0 0 1 2-2.200Z" />
  </Icon>
);

export const HangUpIcon = (): ReactNode => (
  <Icon>
    <path d="M3.600 15.300 5 17l3.600-1.300.3-2.900a11 11 0 0 1 6.200 0l.3 2.900L19 17l1.400-1.700c.8-1 .8-2.300 0-3.200a11.500 11.500 0 0 0-16.800 0c-.8.900-.8 2.200 0 3.200Z" />
  </Icon>
);

export const MicrophoneIcon = ({ off }: { off: boolean }): ReactNode => (
  <Icon>
    <rect x="9" y="3" width="6" height="11" rx="3" />
    <path d="M5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v3" />
    {off && <path d="M4 4l16 16" />}
  </Icon>
);

export const SendIcon = (): ReactNode => (
  <Icon>
    <path d="M12 20V5M5.500 11.500 12 5l6.500 6.500" />
  </Icon>
);

export const ThumbIcon = ({ down }: { down: boolean }): ReactNode => (
  <Icon>
    <g transform={down ? "rotate(180 12 12)" : undefined}>
      <path d="M7 10.500v9.500H4v-9.500Zm0 0 4-7a2 2 0 0 1 2.400 2.300L12.800 9H18a2 2 0 0 1 2 2.400l-1.400 7a2 2 0 0 1-2 1.600H7" />
    </g>
  </Icon>
);

export const Mark = (): ReactNode => (
  <svg className="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <rect width="32" height="32" rx="10" />
    <path d="M8.500 17.500c2.200 4.600 4.800 6 7.500 6s5.300-1.400 7.500-6M11 10.500V13M21 10.500V13M16 8v6" />
  </svg>
);
