import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Set;
import org.codehaus.mojo.animal_sniffer.SignatureChecker;
import org.codehaus.mojo.animal_sniffer.logging.PrintWriterLogger;

/**
 * Fails where classes use what an Android of some level has not. Arguments: the signature of that level, then jars or
 * folders of classes. What other packages that an app brings hold is taken to be there.
 */
public final class ApiLevel {
    /** Packages of the libraries that the AAR depends on, and its own. */
    private static final Set<String> BROUGHT = Set.of("dev.tandem*", "kotlin*", "kotlinx*", "com.sun.jna*", "org.jetbrains.annotations*");

    /** Whoever bears it asks for the level first. */
    private static final List<String> ASKS_FIRST = List.of("android.annotation.TargetApi");

    private ApiLevel() {}

    public static void main(String[] arguments) throws IOException {
        boolean broken = false;
        for (int i = 1; i < arguments.length; i++) {
            try (InputStream signature = new FileInputStream(arguments[0])) {
                SignatureChecker checker = new SignatureChecker(signature, BROUGHT, new PrintWriterLogger(System.out));
                checker.setAnnotationTypes(ASKS_FIRST);
                checker.setSourcePath(List.of());
                checker.setCheckJars(true);
                checker.process(new File(arguments[i]));
                broken |= checker.isSignatureBroken();
            }
        }
        System.exit(broken ? 1 : 0);
    }
}
