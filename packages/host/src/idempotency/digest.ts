import { hash } from 'node:crypto';
import type { Digest } from '@relay/protocol';

export const digest: Digest = (text) => hash('sha256', text, 'base64url');
