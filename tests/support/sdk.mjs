// The main job with the unmodified AWS SDK for JavaScript v3. Usage: node sdk.mjs URL ENDPOINT; prints one JSON object.
// The receiver confirms by itself; this program waits until the subscription is confirmed.
import {
  CreateTopicCommand,
  GetSubscriptionAttributesCommand,
  ListTopicsCommand,
  PublishBatchCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
  UnsubscribeCommand,
} from "@aws-sdk/client-sns";

const [endpoint, receiver] = process.argv.slice(2);
const sns = new SNSClient({
  endpoint,
  region: "us-west-2",
  credentials: { accessKeyId: "tidings", secretAccessKey: "tidings-dev-secret" },
  maxAttempts: 1,
});

const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "from-javascript" }));
const { SubscriptionArn } = await sns.send(
  new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: receiver, ReturnSubscriptionArn: true }),
);
let pending = "true";
while (pending !== "false") {
  const { Attributes } = await sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
  pending = Attributes.PendingConfirmation;
}
const attribute = { DataType: "Binary", BinaryValue: new Uint8Array([1, 2, 255]) };
const published = await sns.send(
  new PublishCommand({ TopicArn, Message: "text with ü and 你", Subject: "S", MessageAttributes: { raw: attribute } }),
);
const batch = await sns.send(
  new PublishBatchCommand({
    TopicArn,
    PublishBatchRequestEntries: [
      { Id: "a", Message: "one" },
      { Id: "b", Message: "two" },
    ],
  }),
);
const listed = await sns.send(new ListTopicsCommand({}));
let refusal = {};
try {
  await sns.send(new PublishCommand({ TopicArn: TopicArn + "-absent", Message: "m" }));
} catch (error) {
  refusal = { name: error.name, status: error.$metadata.httpStatusCode, requestId: error.$metadata.requestId };
}
await sns.send(new UnsubscribeCommand({ SubscriptionArn }));
console.log(
  JSON.stringify({
    messageIds: [published.MessageId, ...batch.Successful.map((entry) => entry.MessageId)],
    requestId: published.$metadata.requestId,
    topics: listed.Topics.length,
    refusal,
  }),
);
