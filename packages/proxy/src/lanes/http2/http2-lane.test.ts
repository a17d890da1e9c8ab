import { describeBodies } from '../../conformance/bodies.ts';
import { describeDraining } from '../../conformance/draining.ts';
import { describeFailures } from '../../conformance/failures.ts';
import { describeH2cEndings } from '../../conformance/h2c-endings.ts';
import { describeH2cInstances } from '../../conformance/h2c-instances.ts';
import { describeH2cMessages } from '../../conformance/h2c-messages.ts';
import { describeHeaders } from '../../conformance/headers.ts';
import { describeHostileApps } from '../../conformance/hostile-apps.ts';
import { http2Lanes } from '../../conformance/http2-lanes.ts';
import { describeObservability } from '../../conformance/observability.ts';
import { describeRouting } from '../../conformance/routing.ts';
import { describeTls } from '../../conformance/tls.ts';
import { describeTraffic } from '../../conformance/traffic.ts';

for (const lane of http2Lanes) {
  describeRouting(lane);
  describeHostileApps(lane);
  describeHeaders(lane);
  describeBodies(lane);
  describeFailures(lane);
  describeTraffic(lane);
  describeDraining(lane);
  describeTls(lane);
  describeObservability(lane);
  describeH2cMessages(lane);
  describeH2cEndings(lane);
  describeH2cInstances(lane);
}
