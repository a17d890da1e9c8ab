import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { takoJsonSchema } from './project-schema.ts';

it('gives the JSON Schema that is committed beside the package (npm run schema -w packages/config)', async () => {
  const file = path.join(import.meta.dirname, '..', 'tako.schema.json');
  expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(takoJsonSchema());
});

it('knows every key and refuses others, so that an editor marks a typing error', () => {
  expect(takoJsonSchema()).toMatchObject({
    $schema: 'http://json-schema.org/draft-07/schema#',
    additionalProperties: false,
    properties: {
      upstream_protocol: expect.anything(),
      envs: {
        additionalProperties: {
          additionalProperties: false,
          properties: { route: expect.anything(), hsts: { type: 'boolean' } },
        },
      },
    },
  });
});

it('says of every key of the project and of an environment what it is', () => {
  const { properties } = z
    .object({ properties: z.record(z.string(), z.looseObject({ description: z.string() })) })
    .parse(takoJsonSchema());
  const environment = z
    .looseObject({
      additionalProperties: z.object({
        properties: z.record(z.string(), z.looseObject({ description: z.string() })),
      }),
    })
    .parse(properties['envs']);
  for (const [key, { description }] of [
    ...Object.entries(properties),
    ...Object.entries(environment.additionalProperties.properties),
  ]) {
    expect(`${key}: ${description}`).toMatch(/: .{10,}/);
  }
});
