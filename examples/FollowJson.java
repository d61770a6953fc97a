import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A consumer outside Python: every point of every metric as one line of JSON, each once.
 *
 * <pre>
 *     MLDASH_API_EVENT_ENCODING=json mldash up          # SDKs that connect here send JSON
 *     java -cp "$KAFKA_HOME/libs/*" examples/FollowJson.java 127.0.0.1:9092 mldash.metrics
 * </pre>
 *
 * It needs Kafka's own client and the Jackson that comes with it, and nothing of ML-Dash: docs/events.md says what a
 * record is. With a third argument it ends after so many points.
 */
public class FollowJson {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String CONTENT_TYPE = "application/json";
    private static final int MAJOR = 1;

    /** session, experiment and metric → the next seq: topics are at least once. */
    private final Map<String, Long> nextSeqs = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 2) {
            System.err.println("FollowJson HOST:PORT TOPIC [COUNT]");
            System.exit(2);
        }
        long most = arguments.length > 2 ? Long.parseLong(arguments[2]) : Long.MAX_VALUE;
        new FollowJson().follow(arguments[0], arguments[1], most);
    }

    private void follow(String kafka, String topic, long most) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", kafka);
        settings.put("enable.auto.commit", "false");
        settings.put("auto.offset.reset", "earliest");
        settings.put("max.partition.fetch.bytes", Integer.toString(16 << 20));
        long shown = 0;
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (PartitionInfo one : consumer.partitionsFor(topic)) {
                partitions.add(new TopicPartition(topic, one.partition()));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            while (shown < most) {
                for (ConsumerRecord<byte[], byte[]> message : consumer.poll(Duration.ofMillis(500))) {
                    if (!canRead(message)) {
                        continue;
                    }
                    for (JsonNode point : pointsOf(JSON.readTree(message.value()))) {
                        if (shown < most) {
                            System.out.println(JSON.writeValueAsString(point));
                            shown++;
                        }
                    }
                }
            }
        }
    }

    /** JSON, and of a major version that we know: what is newer is left aside, never guessed. */
    private static boolean canRead(ConsumerRecord<byte[], byte[]> message) {
        String schema = header(message, "schema");
        return message.value() != null
                && CONTENT_TYPE.equals(header(message, "content-type"))
                && schema != null
                && schema.matches("mldash/[0-9]+\\.[0-9]+")
                && Integer.parseInt(schema.substring(7, schema.indexOf('.'))) <= MAJOR;
    }

    private static String header(ConsumerRecord<byte[], byte[]> message, String name) {
        Header found = message.headers().lastHeader(name);
        return found == null || found.value() == null ? null : new String(found.value(), StandardCharsets.UTF_8);
    }

    /** The record's points that were not shown before. Point i of a record has the seq first_seq + i. */
    private List<JsonNode> pointsOf(JsonNode record) {
        String stream = record.get("session") + "/" + record.get("prefix") + "/" + record.get("name");
        long seq = record.get("first_seq").asLong();
        List<JsonNode> fresh = new ArrayList<>();
        for (JsonNode block : record.get("blocks")) {
            List<ObjectNode> events = block.get("type").asText().equals("rows") ? rowsOf(block) : columnsOf(block);
            for (ObjectNode data : events) {
                if (seq >= nextSeqs.getOrDefault(stream, 0L)) {
                    nextSeqs.put(stream, seq + 1);
                    ObjectNode point = JSON.createObjectNode();
                    point.set("experiment", record.get("prefix"));
                    point.set("metric", record.get("name"));
                    point.put("seq", seq);
                    point.set("data", data);
                    fresh.add(point);
                }
                seq++;
            }
        }
        return fresh;
    }

    /** The field names once, then a list of values a point. NaN stands as {"$float": "NaN"}, and stays that. */
    private static List<ObjectNode> rowsOf(JsonNode block) {
        List<ObjectNode> points = new ArrayList<>();
        for (JsonNode row : block.get("rows")) {
            ObjectNode data = JSON.createObjectNode();
            for (int field = 0; field < row.size(); field++) {
                data.set(block.get("fields").get(field).asText(), row.get(field));
            }
            points.add(data);
        }
        return points;
    }

    /**
     * A column a field: packed little-endian numbers in base64, or whatever there is as a plain array. Lists of numbers
     * are left out here, and said so.
     */
    private static List<ObjectNode> columnsOf(JsonNode block) {
        List<ObjectNode> points = new ArrayList<>();
        for (int at = 0; at < block.get("count").asInt(); at++) {
            points.add(JSON.createObjectNode());
        }
        for (int field = 0; field < block.get("columns").size(); field++) {
            JsonNode column = block.get("columns").get(field);
            String name = block.get("fields").get(field).asText();
            if (column.has("values")) {
                for (int at = 0; at < points.size(); at++) {
                    points.get(at).set(name, column.get("values").get(at));
                }
                continue;
            }
            if (column.get("shape").size() > 0 || column.get("type").asText().equals("values")) {
                System.err.println("left out: " + name + ", lists of numbers, or MessagePack of schema 1.0");
                continue;
            }
            ByteBuffer packed = ByteBuffer.wrap(Base64.getDecoder().decode(column.get("data").asText()));
            packed.order(ByteOrder.LITTLE_ENDIAN);
            for (ObjectNode data : points) {
                switch (column.get("type").asText()) {
                    case "float64" -> data.set(name, number(packed.getDouble()));
                    case "float32" -> data.set(name, number(packed.getFloat()));
                    case "int64" -> data.put(name, packed.getLong());
                    case "bool" -> data.put(name, packed.get() == 1);
                    default -> { }
                }
            }
        }
        return points;
    }

    /** As rows have it: JSON has no word for what is not finite. */
    private static JsonNode number(double value) {
        return Double.isFinite(value)
                ? JSON.getNodeFactory().numberNode(value)
                : JSON.createObjectNode().put("$float", Double.toString(value));
    }
}
