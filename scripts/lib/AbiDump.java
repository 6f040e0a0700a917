import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jetbrains.kotlin.abi.tools.AbiFilters;
import org.jetbrains.kotlin.abi.tools.AbiTools;

/** Prints what a folder of Kotlin classes declares in public, in a form to compare. Argument: the folder. */
public final class AbiDump {
    private AbiDump() {}

    public static void main(String[] arguments) throws IOException {
        List<File> classes;
        try (Stream<Path> files = Files.walk(Path.of(arguments[0]))) {
            classes = files.filter(file -> file.toString().endsWith(".class")).sorted().map(Path::toFile).toList();
        }
        if (classes.isEmpty()) {
            throw new IOException("no classes in " + arguments[0]);
        }
        StringBuilder dump = new StringBuilder();
        AbiTools tools = AbiTools.Companion.getInstance(AbiDump.class.getClassLoader());
        tools.printJvmDump(dump, classes, AbiFilters.Companion.getEMPTY());
        System.out.print(dump);
    }
}
